//! Aligns two sequences, exactly where that is cheap and validly everywhere.

use std::collections::HashMap;

/// Gaps up to this product of lengths are aligned with the fewest edits.
const EXACT: usize = 1 << 16;
/// The same where no anchor was found.
const LAST_RESORT: usize = 1 << 22;
/// How often a gap is divided; a hostile input must not make this quadratic.
const DEPTH: u32 = 64;

/// Gives equal contents equal numbers, across several inputs.
#[derive(Default)]
pub(crate) struct Interner(HashMap<u128, u32>);

impl Interner {
    pub(crate) fn id(&mut self, digest: u128) -> u32 {
        // More than `u32::MAX` different lines would exceed the limit on bytes long before.
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(digest).or_insert(next)
    }
}

/// 128 bits of a cryptographic hash: equal digests mean equal contents.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        // With its length, so that ("ab", "c") is not ("a", "bc").
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(bytes)
}

/// Pairs of places with equal items, increasing on both sides.
pub(crate) fn align(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut todo = vec![(0, a.len(), 0, b.len(), 0)];
    while let Some((mut a0, mut a1, mut b0, mut b1, depth)) = todo.pop() {
        while a0 < a1 && b0 < b1 && a[a0] == b[b0] {
            pairs.push((a0, b0));
            (a0, b0) = (a0 + 1, b0 + 1);
        }
        while a0 < a1 && b0 < b1 && a[a1 - 1] == b[b1 - 1] {
            (a1, b1) = (a1 - 1, b1 - 1);
            pairs.push((a1, b1));
        }
        let (x, y) = (&a[a0..a1], &b[b0..b1]);
        let cells = x.len().saturating_mul(y.len());
        if cells == 0 {
            continue;
        }
        let anchors = if cells <= EXACT || depth == DEPTH { Vec::new() } else { anchors(x, y) };
        if anchors.is_empty() {
            let found = if cells <= LAST_RESORT { longest(x, y) } else { sliding(x, y) };
            pairs.extend(found.into_iter().map(|(i, j)| (a0 + i, b0 + j)));
            continue;
        }
        let (mut i, mut j) = (a0, b0);
        for (x, y) in anchors {
            todo.push((i, a0 + x, j, b0 + y, depth + 1));
            pairs.push((a0 + x, b0 + y));
            (i, j) = (a0 + x + 1, b0 + y + 1);
        }
        todo.push((i, a1, j, b1, depth + 1));
    }
    pairs.sort_unstable();
    pairs
}

/// The places of a longest strictly increasing subsequence.
pub(crate) fn increasing(items: &[usize]) -> Vec<usize> {
    // `tails[n]` is the place of the smallest item that ends an increasing sequence of n + 1.
    let mut tails: Vec<usize> = Vec::new();
    let mut before = vec![usize::MAX; items.len()];
    for (place, item) in items.iter().enumerate() {
        let length = tails.partition_point(|tail| items[*tail] < *item);
        if length > 0 {
            before[place] = tails[length - 1];
        }
        if length == tails.len() { tails.push(place) } else { tails[length] = place }
    }
    let mut chain = Vec::with_capacity(tails.len());
    let mut place = tails.last().copied().unwrap_or(usize::MAX);
    while place != usize::MAX {
        chain.push(place);
        place = before[place];
    }
    chain.reverse();
    chain
}

/// Items that occur equally often on both sides, in the order that most of them agree on.
fn anchors(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let mut places: HashMap<u32, (Vec<usize>, usize)> = HashMap::new();
    for (place, item) in b.iter().enumerate() {
        places.entry(*item).or_default().0.push(place);
    }
    for item in a {
        if let Some((_, count)) = places.get_mut(item) {
            *count += 1;
        }
    }
    places.retain(|_, (places, count)| places.len() == *count);
    let mut pairs = Vec::new();
    for (i, item) in a.iter().enumerate() {
        if let Some((places, left)) = places.get_mut(item) {
            pairs.push((i, places[places.len() - *left]));
            *left -= 1;
        }
    }
    let order: Vec<usize> = pairs.iter().map(|(_, j)| *j).collect();
    increasing(&order).into_iter().map(|place| pairs[place]).collect()
}

/// A longest common subsequence.
fn longest(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut best = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            best[i * width + j] = if a[i] == b[j] {
                best[(i + 1) * width + j + 1] + 1
            } else {
                best[(i + 1) * width + j].max(best[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if best[(i + 1) * width + j] >= best[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// A common subsequence found in one pass, exact within a window that slides along both.
fn sliding(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    const WINDOW: usize = 256;
    let (mut i, mut j, mut pairs) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        let found = longest(&a[i..a.len().min(i + WINDOW)], &b[j..b.len().min(j + WINDOW)]);
        // Only the first half: the second one may align better with what comes after the window.
        let half = found.into_iter().take_while(|(x, _)| *x < WINDOW / 2).map(|(x, y)| (i + x, j + y));
        let before = pairs.len();
        pairs.extend(half);
        j = if pairs.len() > before { pairs[pairs.len() - 1].1 + 1 } else { j + WINDOW / 2 };
        i += WINDOW / 2;
    }
    pairs
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small generator of pseudo-random numbers (xorshift), so that the tests need no crate.
    pub(crate) fn random(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        }
    }

    fn check(a: &[u32], b: &[u32]) -> usize {
        let pairs = align(a, b);
        assert!(pairs.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 < w[1].1), "not increasing");
        assert!(pairs.iter().all(|(i, j)| a[*i] == b[*j]), "not equal");
        pairs.len()
    }

    #[test]
    fn small_sequences_are_aligned_with_the_fewest_edits() {
        for seed in 1..300 {
            let mut random = random(seed);
            let mut sequence = || (0..random(12)).map(|_| random(4) as u32).collect::<Vec<_>>();
            let (a, b) = (sequence(), sequence());
            assert_eq!(check(&a, &b), longest(&a, &b).len(), "{a:?} {b:?}");
        }
    }

    #[test]
    fn large_sequences_keep_everything_that_stayed_in_place() {
        let mut random = random(7);
        let a: Vec<u32> = (0..50_000).collect();
        let mut b = a.clone();
        for _ in 0..200 {
            b.remove(random(b.len() as u64) as usize);
        }
        assert_eq!(check(&a, &b), b.len());
    }

    #[test]
    fn large_shuffled_and_repetitive_sequences_are_aligned_in_time() {
        let mut random = random(11);
        let mut shuffled: Vec<u32> = (0..100_000).collect();
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, random(i as u64 + 1) as usize);
        }
        check(&(0..100_000).collect::<Vec<_>>(), &shuffled);
        let mut dull = || (0..20_000).map(|_| random(3) as u32).collect::<Vec<_>>();
        assert!(check(&dull(), &dull()) > 10_000);
    }

    #[test]
    fn the_longest_increasing_part_is_found() {
        assert_eq!(increasing(&[3, 1, 2, 0, 4]), [1, 2, 4]);
        assert!(increasing(&[]).is_empty());
    }
}
