//! Where tensors are and products run.

use candle_core::{Device, Result};
use clap::ValueEnum;
use serde::Serialize;

/// The user's choice of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceChoice {
    /// The GPU if this program was built for one and it answers, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

impl DeviceChoice {
    /// The device.
    ///
    /// # Errors
    /// Where `cuda` is asked for and the program was built without it, or no GPU answers.
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto if !cfg!(feature = "cuda") => Ok(Device::Cpu),
            Self::Auto => Device::cuda_if_available(0),
            Self::Cuda if !cfg!(feature = "cuda") => {
                candle_core::bail!(
                    "this program was built without `--features cuda` and runs on the CPU only"
                )
            }
            Self::Cuda => Device::new_cuda(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_cuda_says_so() {
        if !cfg!(feature = "cuda") {
            assert!(DeviceChoice::Auto.open().unwrap().is_cpu());
            assert!(DeviceChoice::Cuda.open().unwrap_err().to_string().contains("--features cuda"));
        }
    }
}
