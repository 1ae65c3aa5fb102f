//! Generated protobuf code and the only conversions between vocabulary and protobuf
