//! The order in which training takes its items.

use serde::{Deserialize, Serialize};

use crate::rng::Rng;

/// An endless sequence of the numbers below n: every epoch is a shuffle of its own.
///
/// The shuffle of an epoch depends on n, the seed and the epoch's number alone, so the place is
/// all there is to keep.
#[derive(Clone, Debug)]
pub struct Order {
    state: OrderState,
    shuffled: Vec<u32>,
}

/// Where an [`Order`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    /// How many items there are.
    pub items: u32,
    /// Seed of all shuffles.
    pub seed: u64,
    /// Full passes over the items so far.
    pub epoch: u64,
    /// Items of this pass already taken.
    pub position: u32,
}

impl Order {
    /// The sequence over `items` items from its start.
    ///
    /// # Panics
    /// If there are no items.
    pub fn new(items: u32, seed: u64) -> Self {
        Self::from_state(OrderState { items, seed, epoch: 0, position: 0 })
    }

    /// Goes on where [`state`](Self::state) was taken.
    ///
    /// # Panics
    /// If there are no items, or the position is above their number.
    pub fn from_state(state: OrderState) -> Self {
        assert!(state.items > 0, "an order of no items");
        assert!(state.position <= state.items, "a position behind the last item");
        Self { state, shuffled: shuffled(&state) }
    }

    /// Where the sequence stands.
    pub fn state(&self) -> OrderState {
        self.state
    }

    /// The next `size` items. A batch goes on into the next epoch, so none is short.
    pub fn batch(&mut self, size: usize) -> Vec<u32> {
        (0..size).map(|_| self.item()).collect()
    }

    fn item(&mut self) -> u32 {
        if self.state.position == self.state.items {
            self.state.epoch += 1;
            self.state.position = 0;
            self.shuffled = shuffled(&self.state);
        }
        self.state.position += 1;
        self.shuffled[self.state.position as usize - 1]
    }
}

fn shuffled(state: &OrderState) -> Vec<u32> {
    let mut items: Vec<u32> = (0..state.items).collect();
    Rng::new(state.seed, state.epoch).shuffle(&mut items);
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_has_every_item_in_another_order() {
        let mut order = Order::new(10, 1);
        let epochs: Vec<Vec<u32>> = (0..3).map(|_| order.batch(10)).collect();
        assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2]);
        for mut epoch in epochs {
            epoch.sort_unstable();
            assert!(epoch.into_iter().eq(0..10));
        }
    }

    #[test]
    fn goes_on_from_any_place() {
        let mut order = Order::new(10, 1);
        for _ in 0..9 {
            let mut again = Order::from_state(order.state());
            assert_eq!(again.batch(7), order.batch(7));
            assert_eq!(again.state(), order.state());
        }
    }
}
