//! Harness shared by the tests over whole programs.
