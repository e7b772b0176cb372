//! Medians and percentiles.

/// The value below which `percent` of the sorted values lie, by the nearest rank; 0 of none.
pub fn percentile<T: Copy + Default>(sorted: &[T], percent: f64) -> T {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank lies between 0 and the number of values"
    )]
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// The middle value, or the mean of the two in the middle; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The smallest and the largest value; 0 of none.
pub fn range(values: &[f64]) -> (f64, f64) {
    let smallest = values.iter().copied().reduce(f64::min).unwrap_or_default();
    let largest = values.iter().copied().reduce(f64::max).unwrap_or_default();
    (smallest, largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        for (values, middle) in [
            (&[][..], 0.0),
            (&[3.0], 3.0),
            (&[4.0, 1.0], 2.5),
            (&[9.0, 1.0, 5.0], 5.0),
            (&[4.0, 1.0, 3.0, 2.0], 2.5),
        ] {
            assert!((median(values) - middle).abs() < 1e-9, "{values:?}");
        }
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<u32> = (1..=200).collect();
        for (percent, value) in [(0.0, 1), (0.5, 1), (50.0, 100), (99.0, 198), (100.0, 200)] {
            assert_eq!(percentile(&values, percent), value, "{percent}");
        }
        assert_eq!(percentile(&[7_u32], 50.0), 7);
        assert_eq!(percentile::<u32>(&[], 50.0), 0);
    }

    #[test]
    fn ranges() {
        assert_eq!(range(&[2.0, -1.0, 3.0]), (-1.0, 3.0));
        assert_eq!(range(&[]), (0.0, 0.0));
    }
}
