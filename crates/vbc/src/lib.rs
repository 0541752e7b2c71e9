//! vbc
