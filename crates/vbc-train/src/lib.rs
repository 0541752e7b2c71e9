//! Trains the models of the Virtual Bottleneck Codec.
//!
//! Images become latents (`stages::train_transform`, then `stages::train_joint` on the pixels' code
//! length too), latents a prior (`stages::train_prior`), both a pixel network
//! (`stages::train_pixels`), and all of it one integer model file (`export`).
#![deny(missing_docs)]

pub mod cells;
pub mod checkpoint;
pub mod config;
pub mod data;
pub mod datasets;
pub mod device;
pub mod experiment;
pub mod export;
pub mod interrupt;
pub mod ladder;
pub mod log;
pub mod models;
pub mod ops;
pub mod optim;
pub mod paper;
pub mod plot;
pub mod rng;
pub mod scans;
pub mod schedule;
pub mod setup;
pub mod stages;
pub mod train;
pub mod trained;
