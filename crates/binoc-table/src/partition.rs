//! Records divided by hash, in memory up to a limit and in a temporary file beyond it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// The number of partitions. Each is processed in memory, so tables can be this many times larger than the memory.
pub(crate) const PARTITIONS: usize = 256;
/// The size of a block. Records of a partition are written in blocks, because single records would be too slow.
const BLOCK: usize = 16 << 10;

enum Block {
    Memory(Vec<u8>),
    File { start: u64, bytes: usize },
}

/// Records of bytes, divided into [`PARTITIONS`]. The order within a partition is kept.
pub(crate) struct Partitions {
    open: Vec<Vec<u8>>,
    full: Vec<Vec<Block>>,
    /// The number of bytes that full blocks may still take in memory.
    memory: u64,
    file: Option<File>,
    end: u64,
}

impl Partitions {
    /// Create partitions that keep about this number of bytes in memory.
    pub(crate) fn new(memory: u64) -> Self {
        Self {
            open: (0..PARTITIONS).map(|_| Vec::new()).collect(),
            full: (0..PARTITIONS).map(|_| Vec::new()).collect(),
            memory: memory.saturating_sub((PARTITIONS * BLOCK) as u64),
            file: None,
            end: 0,
        }
    }

    /// Add a record that `write` appends to the bytes of a partition.
    pub(crate) fn push(&mut self, partition: usize, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let open = &mut self.open[partition];
        if open.capacity() == 0 {
            // Room for the record that completes the block, so that it does not double.
            open.reserve_exact(BLOCK + BLOCK / 4);
        }
        write(open);
        if open.len() < BLOCK {
            return Ok(());
        }
        let block = std::mem::take(open);
        let bytes = block.len();
        let block = if block.capacity() as u64 <= self.memory {
            self.memory -= block.capacity() as u64;
            Block::Memory(block)
        } else {
            if self.file.is_none() {
                self.file = Some(tempfile::tempfile()?);
            }
            let start = self.end;
            if let Some(file) = &mut self.file {
                file.write_all(&block)?;
            }
            self.end += bytes as u64;
            Block::File { start, bytes }
        };
        self.full[partition].push(block);
        Ok(())
    }

    /// Remove a partition and return its records.
    pub(crate) fn take(&mut self, partition: usize) -> io::Result<Vec<u8>> {
        let mut records = Vec::new();
        for block in std::mem::take(&mut self.full[partition]) {
            match block {
                Block::Memory(block) => records.extend_from_slice(&block),
                Block::File { start, bytes } => {
                    let Some(file) = &mut self.file else { continue };
                    file.seek(SeekFrom::Start(start))?;
                    file.take(bytes as u64).read_to_end(&mut records)?;
                }
            }
        }
        records.append(&mut self.open[partition]);
        Ok(records)
    }
}

/// A reader of the fixed-size numbers in a record.
pub(crate) struct Numbers<'a>(pub(crate) &'a [u8]);

impl<'a> Numbers<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        bytes
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N));
        array
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    pub(crate) fn u128(&mut self) -> u128 {
        u128::from_le_bytes(self.array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_their_order_in_memory_and_in_a_file() {
        for memory in [0, 5 << 20, 1 << 30] {
            let mut partitions = Partitions::new(memory);
            for number in 0..200_000u64 {
                let write = |bytes: &mut Vec<u8>| bytes.extend_from_slice(&number.to_le_bytes());
                partitions.push((number % 7) as usize, write).unwrap();
            }
            for partition in 0..7 {
                let records = partitions.take(partition).unwrap();
                let mut numbers = Numbers(&records);
                for expected in (partition as u64..200_000).step_by(7) {
                    assert_eq!(numbers.u64(), expected);
                }
                assert!(numbers.is_empty());
            }
        }
    }
}
