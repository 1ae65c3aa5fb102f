//! The languages of the providers: bytes to vocabulary and back
