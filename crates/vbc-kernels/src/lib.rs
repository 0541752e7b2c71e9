//! Kernels of the vbc trainer.
