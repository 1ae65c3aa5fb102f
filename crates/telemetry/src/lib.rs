//! One record a call: audit line, metrics and span facts
