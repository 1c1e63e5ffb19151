//! Finds files that were renamed and edited, by the lines they share; linear in what it reads.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

use binoc_sdk::{Diagnostic, Severity};

use crate::Limits;
use crate::pair::{Pairing, file_name};
use crate::walk::Tree;

/// At least this share of the larger file, in percent, must be in the smaller one.
const ENOUGH: u64 = 50;
/// A line that occurs in more files than this tells nothing about where a file came from.
const COMMON: usize = 16;
/// How many candidates of a file are compared in full.
const CANDIDATES: usize = 4;

/// The lines of a file as sorted (hash, bytes).
struct Lines(Vec<(u64, u32)>);

pub(crate) fn pair(left: &Tree, right: &Tree, limits: &Limits, result: &mut Pairing) {
    if result.removed.is_empty() || result.added.is_empty() {
        return;
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
    let old = read(left, &result.removed);
    let new = read(right, &result.added);
    if skipped > 0 {
        let files = binoc_sdk::show::plural(skipped, "large file");
        let message =
            format!("{files} not searched for renames with edits; removed or added may be a rename");
        result.findings.push(Diagnostic::general(Severity::Note, message));
    }
    let mut scored = candidates(&old, &new);
    // The best first; then those that kept their name; then by path, so that every run agrees.
    let moved = |(_, a, b): &(u64, usize, usize)| file_name(&old[*a].0) != file_name(&new[*b].0);
    scored.sort_by_key(|pair| (std::cmp::Reverse(pair.0), moved(pair), pair.1, pair.2));
    let (mut used_old, mut used_new) = (vec![false; old.len()], vec![false; new.len()]);
    for (percent, a, b) in scored {
        if !used_old[a] && !used_new[b] {
            (used_old[a], used_new[b]) = (true, true);
            // 100 is for the same bytes; the same lines in another order are not.
            let percent = u8::try_from(percent.min(99)).unwrap_or(99);
            result.rename(old[a].0.clone(), new[b].0.clone(), Some(percent));
        }
    }
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
    for (b, (_, lines)) in new.iter().enumerate() {
        let mut shared: HashMap<usize, u64> = HashMap::new();
        for (hash, bytes) in &lines.0 {
            let files = files_of.get(hash).map_or(&[][..], Vec::as_slice);
            for a in files.iter().filter(|_| files.len() <= COMMON) {
                *shared.entry(*a).or_default() += u64::from(*bytes);
            }
        }
        let mut best: Vec<(u64, usize)> = shared.into_iter().map(|(a, bytes)| (bytes, a)).collect();
        best.sort_by_key(|(bytes, a)| (std::cmp::Reverse(*bytes), *a));
        for (_, a) in best.into_iter().take(CANDIDATES) {
            let percent = similarity(&old[a].1, lines);
            if percent >= ENOUGH {
                scored.push((percent, a, b));
            }
        }
    }
    scored
}

/// The bytes in shared lines, in percent of the larger file.
fn similarity(a: &Lines, b: &Lines) -> u64 {
    let total = |lines: &Lines| lines.0.iter().map(|(_, bytes)| u64::from(*bytes)).sum::<u64>();
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.0.get(i), b.0.get(j)) {
        if x == y {
            shared += u64::from(x.1);
        }
        (i, j) = (i + usize::from(x <= y), j + usize::from(y <= x));
    }
    100 * shared / total(a).max(total(b)).max(1)
}

/// `None` for what is not text.
fn read_lines(side: &binoc_sdk::Side) -> Option<Lines> {
    let data = std::fs::read(&side.local).ok()?;
    if data.is_empty() || data[..data.len().min(8192)].contains(&0) {
        return None;
    }
    let fingerprint = |line: &[u8]| {
        // The same in every run, unlike the hashes of a `HashMap`.
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        (hasher.finish(), u32::try_from(line.len()).unwrap_or(u32::MAX))
    };
    let mut lines: Vec<_> = data.split_inclusive(|byte| *byte == b'\n').map(fingerprint).collect();
    lines.sort_unstable();
    Some(Lines(lines))
}
