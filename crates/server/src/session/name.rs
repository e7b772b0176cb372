//! What users' names are made of: they stand in ARNs, so it is what IAM allows there.

/// Characters of a name at most.
pub const LONGEST: usize = 64;

/// Whether a name may have this character.
pub fn allows(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter)
}
