//! A slow decoder of the vbc format.
