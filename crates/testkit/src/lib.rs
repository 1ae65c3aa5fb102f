//! The provider simulator and other test parts
