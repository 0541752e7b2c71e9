//! Files behind an address that the user gives.

use std::io::Read;
use std::time::Duration;

use ureq::Agent;

use super::check::{Checked, check};
use super::{DatasetError, Known};

/// Bytes that a file in gzip may have more than it has decompressed.
const WRAPPER: u64 = 1 << 16;

/// Redirections that are followed.
const REDIRECTS: u32 = 5;

const SILENCE: Duration = Duration::from_secs(30);
const WHOLE_FILE: Duration = Duration::from_secs(30 * 60);

/// The client. With `https_only` it goes nowhere else, redirections included; tests have no
/// certificate.
pub(super) fn agent(https_only: bool) -> Agent {
    let config = Agent::config_builder()
        .https_only(https_only)
        .max_redirects(REDIRECTS)
        .timeout_resolve(Some(SILENCE))
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .timeout_global(Some(WHOLE_FILE))
        .user_agent(concat!("vbc-train/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::new_with_config(config)
}

/// Refuses an address that no file name can be put behind, or that is not HTTPS.
pub(super) fn expect_address(base: &str) -> Result<(), DatasetError> {
    match base.strip_prefix("https://") {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#']) => Ok(()),
        _ => Err(DatasetError::Address(base.to_owned())),
    }
}

/// Downloads a file's .gz from under `base` and checks it.
pub(super) fn fetch(
    agent: &Agent,
    base: &str,
    wanted: &Known,
    table: &[Known],
) -> Result<Vec<u8>, DatasetError> {
    let url = format!("{}/{}.gz", base.trim_end_matches('/'), wanted.name);
    println!("downloading {url}");
    let limit = wanted.len + WRAPPER;
    let failed = |source| DatasetError::Download { url: url.clone(), source: Box::new(source) };
    let mut response = agent.get(&url).call().map_err(failed)?;
    let mut body = Vec::new();
    let mut input = response.body_mut().as_reader().take(limit + 1);
    input.read_to_end(&mut body).map_err(|e| failed(ureq::Error::from(e)))?;
    if body.len() as u64 > limit {
        return Err(DatasetError::Endless { url, limit });
    }
    match check(&url, &body[..], wanted, table)? {
        Checked::Right(bytes) => Ok(bytes),
        Checked::Other => Err(DatasetError::OtherSet(url)),
    }
}
