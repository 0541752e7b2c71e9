//! Trains the models of the Virtual Bottleneck Codec.
//!
//! This half knows nothing of the models: fast differentiable operations, the optimiser, data,
//! random numbers, checkpoints that resume a run bit for bit, logs and charts.
#![deny(missing_docs)]

pub mod checkpoint;
pub mod data;
pub mod log;
pub mod ops;
pub mod optim;
pub mod plot;
pub mod rng;
pub mod schedule;
pub mod setup;
