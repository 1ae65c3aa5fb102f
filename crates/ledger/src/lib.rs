//! Quota as pure state machines without IO
