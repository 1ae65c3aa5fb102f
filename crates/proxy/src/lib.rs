//! The sidecar: one call in eight steps, a file each, and what they share.
//!
//! Begin with [`exchange`]. The steps are [`listen`], [`recognize`], [`decide`], [`reserve`], [`prepare`],
//! [`dispatch`], [`meter`] and [`settle`]; [`refuse`] is the exit. Beside them: [`armed`], the policy in
//! force; [`control`], where it comes from; [`health`] and [`admin`], what operators see.

pub mod admin;
pub mod armed;
pub mod assembly;
pub mod clock;
pub mod config;
pub mod control;
pub mod decide;
pub mod dispatch;
pub mod exchange;
pub mod health;
pub mod listen;
pub mod meter;
pub mod models;
pub mod otlp;
pub mod pins;
pub mod prepare;
pub mod recent;
pub mod recognize;
pub mod refuse;
pub mod reserve;
pub mod secret;
pub mod settle;
pub mod sidecar;
pub mod signals;
mod small;
pub mod trace;
pub mod turned_down;
