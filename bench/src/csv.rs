//! The CSV file that flows and their peers read: made anew each time, always the same.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use crate::Outcome;

/// Names, cities and states repeat, as they do in people's files; some hold more than ASCII.
const FIRST: [&str; 8] = ["Ana", "Bo", "Chidi", "Dörte", "Eve", "Farid", "Goro", "Hana"];
const LAST: [&str; 8] = ["Silva", "Ng", "O'Neil", "Müller", "Kim", "Haddad", "Sato", "Novák"];
const CITIES: [&str; 8] =
    ["Lisbon", "São Paulo", "Wien", "Reykjavík", "Nairobi", "Osaka", "La Paz", "Kraków"];
const STATES: [&str; 4] = ["active", "inactive", "pending", "closed"];

/// The names of the twelve columns.
const HEADER: &str = "id,first_name,last_name,email,phone,city,status,quantity,price,created_at,notes,region";

/// Writes a file of so many rows.
///
/// # Errors
/// The disk's.
pub fn write(path: &Path, rows: u64) -> Outcome<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    writeln!(file, "{HEADER}")?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for id in 0..rows {
        let bits = random.next();
        let pick = |shift: u32, of: &[&'static str]| of[(bits >> shift) as usize % of.len()];
        let (first, last, city, state) =
            (pick(0, &FIRST), pick(3, &LAST), pick(6, &CITIES), pick(9, &STATES));
        let quantity = 1 + (bits >> 11) % 99;
        let more = random.next();
        let (phone, cents, note) =
            (10_000_000 + more % 90_000_000, (more >> 27) % 100_000, (more >> 44) % 1_000);
        let seconds = random.next() % 86_400;
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let (year, month, day) = (2020 + (bits >> 18) % 5, 1 + (bits >> 21) % 12, 1 + (bits >> 25) % 28);
        write!(file, "{id},{first},{last},user{id}@example.com,+4366{phone},{city},{state},{quantity},")?;
        write!(file, "{}.{:02},", cents / 100, cents % 100)?;
        write!(file, "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02},")?;
        // Every eighth note is quoted, and has what quotes are there for.
        if id % 8 == 0 {
            write!(file, "\"seen, and \"\"noted\"\" {note}\"")?;
        } else {
            write!(file, "note {note}")?;
        }
        writeln!(file, ",{}", 1 + (bits >> 30) % 5)?;
    }
    file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok(())
}

/// Marsaglia's xorshift: quick, and the same everywhere.
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
