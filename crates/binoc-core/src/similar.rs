//! Search for files that were renamed and edited, by the lines that they share. The time is linear in the bytes read.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

use binoc_sdk::Side;

use crate::limits::Limits;
use crate::walk::{Tree, file_name};

/// The lowest similarity of a rename, in percent of the larger file.
const ENOUGH: u64 = 50;
/// Lines that occur in more files than this are ignored when candidates are searched.
const COMMON: usize = 16;
/// The number of candidates for each file that are compared completely.
const CANDIDATES: usize = 4;

/// The lines of a file, as sorted pairs of hash and length in bytes.
struct Lines(Vec<(u64, u32)>);

/// The renames with edits between two trees.
#[derive(Debug, Default)]
pub(crate) struct Renames {
    /// The older name, the newer name, and the similarity in percent.
    pub(crate) pairs: Vec<(String, String, u8)>,
    /// The number of files that were too large for the search.
    pub(crate) skipped: u64,
}

/// Find renames with edits from the `removed` files of the older tree to the `added` files of the newer one.
pub(crate) fn find_renames(
    left: &Tree,
    right: &Tree,
    removed: &BTreeSet<String>,
    added: &BTreeSet<String>,
    limits: &Limits,
) -> Renames {
    if removed.is_empty() || added.is_empty() {
        return Renames::default();
    }
    let mut budget = limits.similar_total;
    let mut skipped = 0;
    let mut read = |tree: &Tree, names: &BTreeSet<String>| -> Vec<(String, Lines)> {
        let mut files = Vec::new();
        for name in names {
            let side = &tree.files[name];
            if side.bytes > limits.similar_bytes || side.bytes > budget {
                skipped += 1;
            } else if let Some(lines) = read_lines(side) {
                budget -= side.bytes;
                files.push((name.clone(), lines));
            }
        }
        files
    };
    let old = read(left, removed);
    let new = read(right, added);
    let mut scored = candidates(&old, &new);
    // Sort by similarity, then files that kept their name first, then by path, so that the result is deterministic.
    let moved = |pair: &(u64, usize, usize)| file_name(&old[pair.1].0) != file_name(&new[pair.2].0);
    scored.sort_by_key(|pair| (std::cmp::Reverse(pair.0), moved(pair), pair.1, pair.2));
    let (mut used_old, mut used_new) = (vec![false; old.len()], vec![false; new.len()]);
    let mut pairs = Vec::new();
    for (percent, old_index, new_index) in scored {
        if !used_old[old_index] && !used_new[new_index] {
            (used_old[old_index], used_new[new_index]) = (true, true);
            // At most 99, because 100 means the same bytes, and these files differ at least in the order of lines.
            let percent = percent.min(99) as u8;
            pairs.push((old[old_index].0.clone(), new[new_index].0.clone(), percent));
        }
    }
    Renames { pairs, skipped }
}

fn candidates(old: &[(String, Lines)], new: &[(String, Lines)]) -> Vec<(u64, usize, usize)> {
    let mut files_of: HashMap<u64, Vec<usize>> = HashMap::new();
    for (index, (_, lines)) in old.iter().enumerate() {
        for (hash, _) in &lines.0 {
            let files = files_of.entry(*hash).or_default();
            if files.last() != Some(&index) && files.len() <= COMMON {
                files.push(index);
            }
        }
    }
    let mut scored = Vec::new();
    for (new_index, (_, lines)) in new.iter().enumerate() {
        let mut shared: HashMap<usize, u64> = HashMap::new();
        for (hash, bytes) in &lines.0 {
            let files = files_of.get(hash).map_or(&[][..], Vec::as_slice);
            for old_index in files.iter().filter(|_| files.len() <= COMMON) {
                *shared.entry(*old_index).or_default() += u64::from(*bytes);
            }
        }
        let mut best: Vec<(u64, usize)> = shared.into_iter().map(|(index, bytes)| (bytes, index)).collect();
        best.sort_by_key(|(bytes, index)| (std::cmp::Reverse(*bytes), *index));
        for (_, old_index) in best.into_iter().take(CANDIDATES) {
            let percent = similarity(&old[old_index].1, lines);
            if percent >= ENOUGH {
                scored.push((percent, old_index, new_index));
            }
        }
    }
    scored
}

/// Return the bytes in shared lines, in percent of the larger file.
fn similarity(old: &Lines, new: &Lines) -> u64 {
    let total = |lines: &Lines| lines.0.iter().map(|(_, bytes)| u64::from(*bytes)).sum::<u64>();
    let (mut old_index, mut new_index, mut shared) = (0, 0, 0);
    while let (Some(old_line), Some(new_line)) = (old.0.get(old_index), new.0.get(new_index)) {
        if old_line == new_line {
            shared += u64::from(old_line.1);
        }
        old_index += usize::from(old_line <= new_line);
        new_index += usize::from(new_line <= old_line);
    }
    100 * shared / total(old).max(total(new)).max(1)
}

/// Read the lines of a file; `None` if it is not text or cannot be read.
fn read_lines(side: &Side) -> Option<Lines> {
    let data = std::fs::read(&side.local).ok()?;
    if data.is_empty() || data[..data.len().min(8192)].contains(&0) {
        return None;
    }
    let fingerprint = |line: &[u8]| {
        // A new hasher has fixed keys, so the hashes are the same in every run.
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        (hasher.finish(), u32::try_from(line.len()).unwrap_or(u32::MAX))
    };
    let mut lines: Vec<_> = data.split_inclusive(|byte| *byte == b'\n').map(fingerprint).collect();
    lines.sort_unstable();
    Some(Lines(lines))
}
