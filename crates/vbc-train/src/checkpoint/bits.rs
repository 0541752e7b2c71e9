//! Floats in a checkpoint's JSON, exact.

use serde_json::Value;

/// The bits of some floats; as decimal numbers their last ones might change on the way.
pub fn to_bits(values: &[f64]) -> Value {
    values.iter().map(|v| v.to_bits()).collect()
}

/// The floats of [`to_bits`]; `None` for anything else.
pub fn from_bits(bits: &Value) -> Option<Vec<f64>> {
    bits.as_array()?.iter().map(|b| b.as_u64().map(f64::from_bits)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_come_back() {
        let values = [0.1 + 0.2, -1e300, 5e-324, f64::INFINITY];
        let text = to_bits(&values).to_string();
        assert_eq!(from_bits(&serde_json::from_str(&text).unwrap()).unwrap(), values);
        assert_eq!(from_bits(&Value::Null), None);
    }
}
