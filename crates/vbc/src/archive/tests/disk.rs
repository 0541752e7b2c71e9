//! A disk that fails when it is told to, and remembers what a crash of the machine could leave.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use crate::archive::Storage;

/// How a disk fails once its budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Every change is an error from then on.
    Broken,
    /// One change is an error, later ones are made.
    Once,
    /// Every change is said to be made and is not, as if the machine had stopped.
    Silent,
}

/// A change that may not survive a crash yet.
#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Write(at, new) => {
                let (start, end) = (*at as usize, *at as usize + new.len());
                // A file system fills with zeros what is skipped.
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(new);
            }
            Change::Truncate(len) => bytes.truncate(*len as usize),
        }
    }
}

/// Bytes with a budget: each byte written costs 1, and so does each flush, sync and truncation.
pub struct Disk {
    /// What readers see.
    pub bytes: Cursor<Vec<u8>>,
    /// What a crash leaves for certain.
    durable: Vec<u8>,
    /// What a crash leaves or does not.
    unsettled: Vec<Change>,
    /// What may still be done.
    budget: u64,
    fault: Fault,
    /// Most bytes that one call writes.
    at_once: usize,
    /// What was done, as the budget counts.
    pub spent: u64,
    /// Called after each change that was made.
    pub watch: Option<fn(&Disk)>,
}

impl Disk {
    /// A disk that never fails.
    pub fn sound(bytes: Vec<u8>) -> Self {
        Self::failing(bytes, u64::MAX, Fault::Broken)
    }

    /// A disk that fails after `budget`.
    pub fn failing(bytes: Vec<u8>, budget: u64, fault: Fault) -> Self {
        Disk {
            durable: bytes.clone(),
            bytes: Cursor::new(bytes),
            unsettled: Vec::new(),
            budget,
            fault,
            at_once: usize::MAX,
            spent: 0,
            watch: None,
        }
    }

    /// The same, but no call writes more than `at_once` bytes.
    pub fn in_pieces(mut self, at_once: usize) -> Self {
        self.at_once = at_once;
        self
    }

    /// Every state that a crash could leave: the last sync, and any of the changes since.
    pub fn after_a_crash(&self) -> impl Iterator<Item = Vec<u8>> {
        assert!(self.unsettled.len() < 16, "too many changes to try all subsets of");
        (0u32..1 << self.unsettled.len()).map(|kept| {
            let mut bytes = self.durable.clone();
            let changes = self.unsettled.iter().enumerate();
            changes.filter(|(i, _)| kept >> i & 1 == 1).for_each(|(_, c)| c.make(&mut bytes));
            bytes
        })
    }

    /// Takes up to `wanted` from the budget; `None` where the disk says that it did and does not.
    fn spend(&mut self, wanted: u64) -> io::Result<Option<u64>> {
        if self.budget > 0 {
            let granted = wanted.min(self.budget);
            self.budget -= granted;
            self.spent += granted;
            return Ok(Some(granted));
        }
        match self.fault {
            Fault::Silent => return Ok(None),
            Fault::Once => self.budget = u64::MAX,
            Fault::Broken => {}
        }
        Err(io::Error::other("the disk fails"))
    }

    fn change(&mut self, change: Change) {
        change.make(self.bytes.get_mut());
        self.unsettled.push(change);
        self.watched();
    }

    fn watched(&self) {
        if let Some(watch) = self.watch {
            watch(self);
        }
    }
}

impl Read for Disk {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buf)
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

impl Write for Disk {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let wanted = buf.len().min(self.at_once);
        let Some(granted) = self.spend(wanted as u64)? else { return Ok(wanted) };
        let granted = granted as usize;
        let at = self.bytes.position();
        self.change(Change::Write(at, buf[..granted].to_vec()));
        self.bytes.set_position(at + granted as u64);
        Ok(granted)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.spend(1).map(|_| ())
    }
}

impl Storage for Disk {
    fn truncate(&mut self, len: u64) -> io::Result<()> {
        if self.spend(1)?.is_some() {
            self.change(Change::Truncate(len));
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.spend(1)?.is_some() {
            self.durable.clone_from(self.bytes.get_ref());
            self.unsettled.clear();
            self.watched();
        }
        Ok(())
    }
}
