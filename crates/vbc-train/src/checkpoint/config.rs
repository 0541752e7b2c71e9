//! Where two configurations differ.

use serde_json::Value;

/// The first difference of two JSON values: a JSON pointer and the values there.
pub(super) fn difference(theirs: &Value, ours: &Value) -> Option<(String, String, String)> {
    difference_at(String::new(), Some(theirs), Some(ours))
}

fn difference_at(
    key: String,
    theirs: Option<&Value>,
    ours: Option<&Value>,
) -> Option<(String, String, String)> {
    let inner = |name: &str| format!("{key}/{name}");
    match (theirs, ours) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => a
            .keys()
            .chain(b.keys().filter(|k| !a.contains_key(*k)))
            .find_map(|k| difference_at(inner(k), a.get(k), b.get(k))),
        (Some(Value::Array(a)), Some(Value::Array(b))) => (0..a.len().max(b.len()))
            .find_map(|i| difference_at(inner(&i.to_string()), a.get(i), b.get(i))),
        (a, b) if a == b => None,
        (a, b) => {
            let text = |v: Option<&Value>| v.map_or_else(|| "absent".to_owned(), Value::to_string);
            let key = if key.is_empty() { "/".to_owned() } else { key };
            Some((key, text(a), text(b)))
        }
    }
}
