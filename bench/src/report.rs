//! What was measured, as a table and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::stats::{median, range};

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// No goal: the figure explains others.
    None,
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

/// One figure, measured several times.
#[derive(Debug)]
pub struct Figure {
    /// The part of the bench that made it.
    pub part: String,
    /// What it is.
    pub name: String,
    /// Its unit.
    pub unit: &'static str,
    /// One value a round.
    pub rounds: Vec<f64>,
    /// What its median should be.
    pub goal: Goal,
}

impl Figure {
    /// The figure that stands for the rounds.
    pub fn median(&self) -> f64 {
        median(&self.rounds)
    }

    /// Whether the goal is met, if there is one.
    pub fn met(&self) -> Option<bool> {
        match self.goal {
            Goal::None => None,
            Goal::AtLeast(least) => Some(self.median() >= least),
            Goal::AtMost(most) => Some(self.median() <= most),
        }
    }

    fn goal_text(&self) -> String {
        match self.goal {
            Goal::None => String::new(),
            Goal::AtLeast(least) => format!("≥ {}", number(least)),
            Goal::AtMost(most) => format!("≤ {}", number(most)),
        }
    }
}

/// Everything that was measured in one run.
#[derive(Debug, Default)]
pub struct Report {
    /// Where and with what it was measured, by name.
    pub about: Vec<(&'static str, String)>,
    /// The figures.
    pub figures: Vec<Figure>,
    part: String,
}

impl Report {
    /// Says what the next figures are of.
    pub fn part(&mut self, part: &str) {
        part.clone_into(&mut self.part);
    }

    /// Adds a figure.
    pub fn add(&mut self, name: &str, unit: &'static str, rounds: Vec<f64>, goal: Goal) {
        let figure = Figure { part: self.part.clone(), name: name.to_owned(), unit, rounds, goal };
        let (median, goal) = (number(figure.median()), figure.goal_text());
        crate::tell(&format!("{}: {name}: {median} {unit} {goal}", self.part));
        self.figures.push(figure);
    }

    /// The figures as a table in Markdown.
    pub fn markdown(&self) -> String {
        let mut text =
            String::from("| measured | median | least – most | goal | met |\n|---|---:|---:|---:|---|\n");
        for figure in &self.figures {
            let (least, most) = range(&figure.rounds);
            let met = match figure.met() {
                None => "",
                Some(true) => "yes",
                Some(false) => "**no**",
            };
            let _ = writeln!(
                text,
                "| {}: {} | {} {} | {} – {} | {} | {met} |",
                figure.part,
                figure.name,
                number(figure.median()),
                figure.unit,
                number(least),
                number(most),
                figure.goal_text()
            );
        }
        let about: Vec<String> = self.about.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        // A backslash breaks the line.
        let _ = writeln!(text, "\n{}", about.join("\\\n"));
        text
    }

    /// Everything as JSON, with the value of every round.
    pub fn json(&self) -> Value {
        let about: serde_json::Map<String, Value> =
            self.about.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                json!({
                    "part": figure.part, "name": figure.name, "unit": figure.unit, "median": figure.median(),
                    "rounds": figure.rounds, "goal": figure.goal_text(), "met": figure.met(),
                })
            })
            .collect();
        json!({"about": about, "figures": figures})
    }

    /// How many goals were met, and how many there are.
    pub fn goals(&self) -> (usize, usize) {
        let met: Vec<bool> = self.figures.iter().filter_map(Figure::met).collect();
        (met.iter().filter(|met| **met).count(), met.len())
    }
}

/// A number as people read it: few digits, thousands set apart.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        small if small < 10.0 => 2,
        middle if middle < 1000.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let rest = rest.trim_end_matches('0').trim_end_matches('.');
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (value, text) in [
            (0.0, "0"),
            (1.2, "1.2"),
            (1.236, "1.24"),
            (12.34, "12.3"),
            (50.0, "50"),
            (100.4, "100.4"),
            (999.96, "1,000"),
            (5_000.0, "5,000"),
            (1_234_567.0, "1,234,567"),
            (-123.0, "-123"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn goals_are_judged_by_the_median() {
        let mut report = Report::default();
        report.part("a");
        report.add("b", "s", vec![1.0, 2.0, 9.0], Goal::AtMost(2.0));
        report.add("c", "s", vec![1.0, 2.0, 9.0], Goal::AtLeast(2.5));
        report.add("d", "s", vec![1.0], Goal::None);
        assert_eq!(report.goals(), (1, 2));
        report.about.push(("machine", "one".to_owned()));
        report.about.push(("date", "today".to_owned()));
        let text = report.markdown();
        assert!(text.contains("| a: b | 2 s | 1 – 9 | ≤ 2 | yes |\n"), "{text}");
        assert!(text.contains("| a: c | 2 s | 1 – 9 | ≥ 2.5 | **no** |\n"), "{text}");
        assert!(text.ends_with("\nmachine: one\\\ndate: today\n"), "{text}");
    }
}
