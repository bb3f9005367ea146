//! The memory of another process, as root can read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use anyhow::{Context, Result};

/// How much of a value is looked for: its middle, so that a piece of it counts.
const PIECE: usize = 16;

/// How much is read at once.
const BLOCK: usize = 1024 * 1024;

/// What a process has in its writable memory.
pub struct Memory {
    process: u32,
}

impl Memory {
    pub fn of(process: u32) -> Memory {
        Memory { process }
    }

    /// How often pieces of the values of each kind stand there.
    pub fn count(&self, values: &BTreeMap<String, Vec<String>>) -> Result<BTreeMap<String, usize>> {
        let mut wanted: BTreeMap<[u8; PIECE], &str> = BTreeMap::new();
        for (kind, values) in values {
            for piece in values.iter().filter_map(|value| piece(value)) {
                wanted.insert(piece, kind);
            }
        }
        let firsts: BTreeSet<[u8; 2]> = wanted.keys().map(|piece| [piece[0], piece[1]]).collect();
        let mut is_first = vec![false; 1 << 16];
        for first in firsts {
            is_first[usize::from(u16::from_be_bytes(first))] = true;
        }
        let mut counts = BTreeMap::new();
        self.each_block(|block| {
            for (index, pair) in block.windows(2).enumerate() {
                if !is_first[usize::from(u16::from_be_bytes([pair[0], pair[1]]))] {
                    continue;
                }
                let found = block
                    .get(index..index + PIECE)
                    .and_then(|bytes| bytes.try_into().ok());
                if let Some(kind) = found.and_then(|bytes: [u8; PIECE]| wanted.get(&bytes)) {
                    *counts.entry((*kind).to_owned()).or_default() += 1;
                }
            }
        })?;
        Ok(counts)
    }

    fn each_block(&self, mut look: impl FnMut(&[u8])) -> Result<()> {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.process))?;
        let memory = File::open(format!("/proc/{}/mem", self.process)).context("only root reads memory")?;
        for line in maps.lines().filter(|line| {
            line.split(' ')
                .nth(1)
                .is_some_and(|rights| rights.starts_with("rw"))
        }) {
            let (start, end) = line
                .split(' ')
                .next()
                .and_then(|range| range.split_once('-'))
                .context("a range")?;
            let (start, end) = (u64::from_str_radix(start, 16)?, u64::from_str_radix(end, 16)?);
            let mut block = vec![0; BLOCK + PIECE];
            for from in (start..end).step_by(BLOCK) {
                let length = usize::try_from(end - from)?.min(block.len());
                // It may have been given back meanwhile.
                if let Ok(read) = memory.read_at(&mut block[..length], from) {
                    look(&block[..read]);
                }
            }
        }
        Ok(())
    }
}

fn piece(value: &str) -> Option<[u8; PIECE]> {
    let start = value.len().checked_sub(PIECE)? / 2;
    value.as_bytes().get(start..start + PIECE)?.try_into().ok()
}
