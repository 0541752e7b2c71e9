//! `vbc models`

use serde_json::json;

use super::{print, print_json, shape_text};
use crate::failure::Outcome;
use crate::settings::Settings;

/// Lists the embedded models.
pub fn run(settings: &Settings) -> Outcome {
    let registry = vbc::Registry::embedded();
    if settings.json {
        let list: Vec<_> = registry
            .iter()
            .map(|m| {
                json!({
                    "id": m.id().to_string(),
                    "name": m.name(),
                    "shape": m.shape().map(|s| json!({
                        "width": s.width,
                        "height": s.height,
                        "format": format!("{:?}", s.format),
                    })),
                    "latent": m.latent_len(),
                    "file_bytes": m.file().len(),
                })
            })
            .collect();
        return print_json(&json!(list));
    }
    if registry.iter().next().is_none() {
        return print("no model is embedded in this program");
    }
    let lines: Vec<String> = registry
        .iter()
        .map(|m| {
            let shape = m.shape().map_or_else(|| "any shape".into(), |s| shape_text(&s));
            let id: String = m.id().to_string().chars().take(16).collect();
            let (latent, bytes) = (m.latent_len(), m.file().len());
            format!("{id}  {:<16} {shape}, latent of {latent}, {bytes} bytes", m.name())
        })
        .collect();
    print(&lines.join("\n"))
}
