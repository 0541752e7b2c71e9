//! The prior of the latent symbols (SPEC.md section 6.1).

use crate::flow::wrap;
use crate::layer::Layer;
use crate::range_coder::Decoder;
use crate::refusal::{Result, require};
use crate::softmax::frequencies;

pub(crate) struct Prior {
    pub(crate) centre: Vec<i64>,
    pub(crate) hidden: Layer,
    pub(crate) logits: Layer,
}

/// What is known of a latent part-way: latent inputs, and symbols.
pub(crate) type Latent = (Vec<i64>, Vec<i64>);

impl Prior {
    pub(crate) fn symbol(&self, (inputs, z): &mut Latent, coder: &mut Decoder<'_>) -> Result<()> {
        let j = z.len();
        // Units of later dimensions see zeros here, and no logit of this dimension sees them.
        let mut known = inputs.clone();
        known.resize(self.centre.len(), 0);
        let logits = self.logits.wide(&self.hidden.relu(&known));
        let mut u = coder.symbol(&frequencies(&logits[16 * j..16 * j + 16]))? as i64 - 7;
        if u == 8 {
            let negative = coder.bits(1)? == 1;
            let e = coder.bits(5)?;
            let (high, low) = (coder.bits((e - 16).max(0))?, coder.bits(e.min(16))?);
            u = (1 << e) + (high << 16) + low + 7;
            u = if negative { -u } else { u };
        }
        require(i32::try_from(u).is_ok(), "a latent symbol beyond 32 bits")?;
        z.push(wrap(self.centre[j] + u));
        inputs.push(64 * u.clamp(-127, 127));
        Ok(())
    }
}
