//! The vocabulary of calls and policy, and the pure decision about a call
