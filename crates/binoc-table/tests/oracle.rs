//! Compares generated tables with an oracle: the edits that produced the newer table from the older one.

use std::collections::BTreeMap;

use binoc_sdk::{Fact, Node, Result};
use binoc_table::{Cells, Column, KeyOrigin, Settings, Table, compare};

/// A table in memory.
struct Rows {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Rows {
    fn new(names: &[&str], rows: Vec<Vec<String>>) -> Self {
        let column = |(place, name): (usize, &&str)| {
            let nth = names[..place].iter().filter(|other| *other == name).count();
            Column { name: name.as_bytes().to_vec(), nth }
        };
        Self { columns: names.iter().enumerate().map(column).collect(), rows }
    }

    fn with_row(&self, place: usize, each: &mut dyn FnMut(Cells<'_>) -> Result<bool>) -> Result<bool> {
        let (mut data, mut ends) = (Vec::new(), Vec::new());
        for cell in &self.rows[place] {
            data.extend_from_slice(cell.as_bytes());
            ends.push(data.len() as u32);
        }
        each(Cells::new(&data, &ends))
    }
}

impl Table for Rows {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn scan(&self, each: &mut dyn FnMut(u64, Cells<'_>) -> Result<bool>) -> Result<()> {
        for place in 0..self.rows.len() {
            if !self.with_row(place, &mut |cells| each(place as u64, cells))? {
                break;
            }
        }
        Ok(())
    }

    fn fetch(&self, places: &[u64], each: &mut dyn FnMut(usize, Cells<'_>) -> Result<()>) -> Result<()> {
        for (index, place) in places.iter().enumerate() {
            self.with_row(*place as usize, &mut |cells| each(index, cells).map(|()| true))?;
        }
        Ok(())
    }
}

/// A generator of pseudo-random numbers (xorshift), so that the tests need no crate.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn settings(memory: u64) -> Settings {
    Settings { key: Vec::new(), origin: KeyOrigin::Requested, ordered: true, examples: 3, memory }
}

/// The counts of facts by their verb.
fn counts(old: &Rows, new: &Rows, settings: &Settings) -> BTreeMap<String, u64> {
    let mut node = Node::new("changed", "table", "t");
    compare(&mut node, old, new, settings).expect("a table in memory can be read");
    node.facts.into_iter().filter_map(|fact: Fact| Some((fact.verb, fact.count?))).collect()
}

/// The edits of the older table.
#[derive(Default)]
struct Truth {
    removed: u64,
    added: u64,
    cells: u64,
}

impl Truth {
    fn facts(&self) -> BTreeMap<String, u64> {
        let all = [("rows.removed", self.removed), ("rows.added", self.added), ("cells.changed", self.cells)];
        all.into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(verb, count)| (verb.to_owned(), count))
            .collect()
    }
}

/// Generate a table and an edited copy of it. The first `keys` columns identify the rows.
fn generate(random: &mut Random, rows: u64, keys: usize, shuffle: bool) -> (Rows, Rows, Truth) {
    const NAMES: [&str; 7] = ["id", "site", "name", "city", "age", "amount", "note"];
    let row = |random: &mut Random, number: u64| -> Vec<String> {
        let key = if keys == 1 {
            vec![format!("{}", 10_000 + number * 7), format!("s{}", random.below(4))]
        } else {
            vec![format!("{}", 2000 + number / 5), format!("s{}", number % 5)]
        };
        let rest = [
            format!("name{}", random.below(1 + rows / 2)),
            format!("city{}", random.below(6)),
            format!("{}", random.below(90)),
            format!("{}.{}", random.below(1000), random.below(100)),
            format!("{}", random.below(3)),
        ];
        key.into_iter().chain(rest).collect()
    };
    let old: Vec<Vec<String>> = (0..rows).map(|number| row(random, number)).collect();
    let (mut new, mut truth) = (Vec::new(), Truth::default());
    for cells in &old {
        let mut cells = cells.clone();
        match random.below(20) {
            0 => {
                truth.removed += 1;
                continue;
            }
            1 => {
                // New numbers, so that no key is repeated.
                new.push(row(random, rows + truth.added));
                truth.added += 1;
            }
            2 | 3 => {
                let place = 2 + random.below(5) as usize;
                cells[place].push('x');
                truth.cells += 1;
            }
            _ => {}
        }
        new.push(cells);
    }
    if shuffle {
        for place in (1..new.len()).rev() {
            new.swap(place, random.below(place as u64 + 1) as usize);
        }
    }
    (Rows::new(&NAMES, old), Rows::new(&NAMES, new), truth)
}

#[test]
fn the_reported_edits_are_those_that_were_made() {
    for seed in 1..200 {
        let mut random = Random::new(seed);
        let (rows, keys) = (20 + random.below(200), 1 + random.below(2) as usize);
        let shuffle = random.below(2) == 0;
        let (old, new, truth) = generate(&mut random, rows, keys, shuffle);
        let mut found = counts(&old, &new, &settings(256 << 20));
        let moved = found.remove("rows.reordered").unwrap_or(0);
        assert_eq!(found, truth.facts(), "seed {seed}, {rows} rows, {keys} key columns, shuffled: {shuffle}");
        assert_eq!(moved > 0, shuffle, "seed {seed}");
    }
}

#[test]
fn the_result_does_not_depend_on_the_memory() {
    for seed in 1..3 {
        for shuffle in [false, true] {
            let mut random = Random::new(seed);
            let (old, new, truth) = generate(&mut random, 12_000, 1, shuffle);
            // Too little for the unmatched rows, so that they are divided on disk.
            let [mut small, mut large] =
                [1 << 20, 256 << 20].map(|memory| counts(&old, &new, &settings(memory)));
            // The order is not known if it does not fit into the memory.
            for verb in ["rows.reordered", "rows.order-unknown"] {
                small.remove(verb);
                large.remove(verb);
            }
            assert_eq!(small, large, "seed {seed}");
            assert_eq!(large, truth.facts(), "seed {seed}");
        }
    }
}

/// Tables of few different cells have neither keys nor clear edits; the counts must still add up.
#[test]
fn rows_add_up_in_tables_without_a_key() {
    for seed in 1..1_000 {
        let mut random = Random::new(seed);
        let mut table = || {
            let cell = |random: &mut Random, limit| random.below(limit).to_string();
            let rows = 0..random.below(9);
            Rows::new(&["x", "y"], rows.map(|_| vec![cell(&mut random, 3), cell(&mut random, 4)]).collect())
        };
        let (old, new) = (table(), table());
        let found = counts(&old, &new, &settings(1 << 20));
        let count = |verb: &str| found.get(verb).copied().unwrap_or(0);
        let (before, after) = (old.rows.len() as u64, new.rows.len() as u64);
        assert_eq!(before - count("rows.removed"), after - count("rows.added"), "seed {seed}");
        // A row that both tables have is neither removed nor added nor edited.
        let mut balance: BTreeMap<&[String], i64> = BTreeMap::new();
        old.rows.iter().for_each(|row| *balance.entry(row).or_default() += 1);
        new.rows.iter().for_each(|row| *balance.entry(row).or_default() -= 1);
        let gone: i64 = balance.values().filter(|count| **count > 0).sum();
        let edited = gone as u64 - count("rows.removed");
        assert!(
            count("cells.changed") >= edited && count("cells.changed") <= 2 * edited,
            "seed {seed}: {found:?}"
        );
    }
}

#[test]
fn nothing_is_invented_for_unrelated_tables() {
    for seed in 1..100 {
        let mut random = Random::new(seed);
        let rows = 30 + random.below(200);
        let cohort = |prefix: &str, random: &mut Random| -> Rows {
            let row = |number: u64| {
                let cells =
                    [random.below(4), random.below(100), random.below(2)].map(|cell| cell.to_string());
                [format!("{prefix}{number:03}")].into_iter().chain(cells).collect()
            };
            Rows::new(&["patient", "visit", "value", "sex"], (0..rows).map(row).collect())
        };
        let (old, new) = (cohort("A", &mut random), cohort("B", &mut random));
        let found = counts(&old, &new, &settings(256 << 20));
        assert_eq!(found.get("rows.removed"), Some(&rows), "seed {seed}: {found:?}");
        assert_eq!(found.get("rows.added"), Some(&rows), "seed {seed}: {found:?}");
        assert_eq!(found.get("cells.changed"), None, "seed {seed}: {found:?}");
    }
}
