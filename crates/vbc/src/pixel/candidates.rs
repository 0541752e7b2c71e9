//! Values worth copying: what followed the same neighbours before, and the commonest values
//! (SPEC.md section 6.2.4).

const PAIRS: usize = 1024;

/// The value that last came after a given neighbourhood, and the two commonest values.
#[derive(Clone, Debug)]
pub(crate) struct Candidates {
    after_west: [u8; 256],
    after_north: [u8; 256],
    after_west_north: Box<[u8; PAIRS]>,
    after_north_east: Box<[u8; PAIRS]>,
    modes: [u8; 2],
}

/// West, north and north-east neighbours of a pixel, 0 outside the image.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Corner {
    pub west: u8,
    pub north: u8,
    pub north_east: u8,
}

#[inline(always)]
fn pair(a: u8, b: u8) -> usize {
    (usize::from(a) * 67 + usize::from(b) * 7) % PAIRS
}

impl Candidates {
    pub fn new() -> Self {
        Candidates {
            after_west: [0; 256],
            after_north: [0; 256],
            after_west_north: Box::new([0; PAIRS]),
            after_north_east: Box::new([0; PAIRS]),
            modes: [0; 2],
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.after_west.fill(0);
        self.after_north.fill(0);
        self.after_west_north.fill(0);
        self.after_north_east.fill(0);
        self.modes = [0; 2];
    }

    /// Bytes of the tables by pair.
    pub fn table_bytes() -> usize {
        2 * PAIRS
    }

    /// Six candidate values; 0 stands for none.
    #[inline(always)]
    pub fn values(&self, c: Corner, count: impl Fn(u8) -> u8) -> [u8; 6] {
        let mode = |m: u8| if count(m) > 1 { m } else { 0 };
        [
            self.after_west[usize::from(c.west)],
            self.after_north[usize::from(c.north)],
            self.after_west_north[pair(c.west, c.north)],
            self.after_north_east[pair(c.north, c.north_east)],
            mode(self.modes[0]),
            mode(self.modes[1]),
        ]
    }

    /// Learns the pixel `value`, above 0, at a corner; `count` says how often a value was seen, this pixel
    /// included.
    #[inline(always)]
    pub fn add(&mut self, c: Corner, value: u8, count: impl Fn(u8) -> u8) {
        if c.west != 0 {
            self.after_west[usize::from(c.west)] = value;
        }
        if c.north != 0 {
            self.after_north[usize::from(c.north)] = value;
        }
        if c.west != 0 || c.north != 0 {
            self.after_west_north[pair(c.west, c.north)] = value;
        }
        if c.north != 0 || c.north_east != 0 {
            self.after_north_east[pair(c.north, c.north_east)] = value;
        }
        if value != self.modes[0] {
            let [first, second] = self.modes;
            if count(value) > count(first) {
                self.modes = [value, first];
            } else if value != second && count(value) > count(second) {
                self.modes[1] = value;
            }
        }
    }
}
