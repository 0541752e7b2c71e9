//! `vbc models`

use serde_json::{Value, json};
use vbc::{Level, Limits, Model, RegisteredModel};

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
                    "level": m.level().map(level_text),
                    "shape": m.shape().map(|s| json!({
                        "width": s.width,
                        "height": s.height,
                        "format": format!("{:?}", s.format),
                    })),
                    "latent": m.latent_len(),
                    "provenance": provenance(m),
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
            let level = m.level().map_or("any", level_text);
            let mut text = format!(
                "{id}  {:<16} level {level}, {shape}, latent of {latent}, {bytes} bytes",
                m.name()
            );
            for (key, value) in provenance(m).as_object().into_iter().flatten() {
                text += &format!("\n    {key}: {value}");
            }
            text
        })
        .collect();
    print(&lines.join("\n"))
}

/// The level as `--level` names it.
fn level_text(level: Level) -> &'static str {
    match level {
        Level::Fast => "fast",
        Level::Default => "default",
        _ => "best",
    }
}

/// What the model's file says of its making: figures, data, command.
fn provenance(model: &RegisteredModel) -> Value {
    let loaded = Model::from_bytes(model.file(), &Limits::default());
    loaded.ok().and_then(|m| serde_json::from_str(m.provenance()).ok()).unwrap_or(Value::Null)
}
