//! Merge: several fields become one text.
//!
//! AppFlow documents no grammar of `CONCAT_FORMAT`. Ours takes what people
//! write elsewhere; `docs/tasks.md` tells it with examples.

use super::{computed_name, named_fields, no_operator, property};
use crate::task::{MergePiece, RawTask, Task};

pub(super) fn parse(task: &RawTask) -> Result<Task, String> {
    no_operator(task, "merg")?;
    let fields: Vec<String> = named_fields(task).map(str::to_owned).collect();
    if fields.is_empty() {
        return Err("A task of type Merge must name at least one source field".to_owned());
    }
    let format = format(property(task, "CONCAT_FORMAT").unwrap_or_default(), &fields)?;
    Ok(Task::Merge { fields, name: computed_name(task), format })
}

/// Understands a format. `${name}` is a field's value, and so are `{name}`,
/// `{0}` and `%s` where they can be meant; a format without any of them that
/// has every field's name as a word stands for those fields; any other is
/// what stands between the values.
fn format(text: &str, fields: &[String]) -> Result<Vec<MergePiece>, String> {
    let pieces = placeholders(text, fields)?;
    if pieces.iter().any(|piece| matches!(piece, MergePiece::Field(_))) {
        return Ok(pieces);
    }
    if let Some(pieces) = words(text, fields) {
        return Ok(pieces);
    }
    let between = pieces.into_iter().map(|piece| match piece {
        MergePiece::Text(text) => text,
        MergePiece::Field(_) => String::new(),
    });
    let between: String = between.collect();
    let mut pieces = Vec::new();
    for at in 0..fields.len() {
        if at > 0 {
            push_text(&mut pieces, &between);
        }
        pieces.push(MergePiece::Field(at));
    }
    Ok(pieces)
}

fn placeholders(text: &str, fields: &[String]) -> Result<Vec<MergePiece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut next = 0;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("$${") {
            push_text(&mut pieces, "${");
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
            let at = position(name, fields).ok_or_else(|| {
                format!("The task property CONCAT_FORMAT names the field {name}, which is none of the task's source fields")
            })?;
            pieces.push(MergePiece::Field(at));
            rest = after;
        } else if let Some((at, after)) = braced(rest, fields) {
            pieces.push(MergePiece::Field(at));
            rest = after;
        } else if next < fields.len()
            && let Some(after) = rest.strip_prefix("%s")
        {
            pieces.push(MergePiece::Field(next));
            next += 1;
            rest = after;
        } else {
            let end = rest.char_indices().nth(1).map_or(rest.len(), |(at, _)| at);
            push_text(&mut pieces, &rest[..end]);
            rest = &rest[end..];
        }
    }
    Ok(pieces)
}

/// `{name}` or `{0}`, if that is a source field; other braces are just text.
fn braced<'a>(text: &'a str, fields: &[String]) -> Option<(usize, &'a str)> {
    let (name, after) = text.strip_prefix('{')?.split_once('}')?;
    Some((position(name, fields)?, after))
}

fn position(name: &str, fields: &[String]) -> Option<usize> {
    let name = name.trim();
    let by_name = fields.iter().position(|field| field == name);
    by_name.or_else(|| name.parse().ok().filter(|at| *at < fields.len()))
}

/// A format that has every field's name as a word of its own.
fn words(text: &str, fields: &[String]) -> Option<Vec<MergePiece>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut pieces = Vec::new();
    let mut found = vec![false; fields.len()];
    let (mut rest, mut before) = (text, None);
    while let Some(first) = rest.chars().next() {
        let starts = before.is_none_or(|before| !is_word(before));
        // The longest name first, lest `a` be taken for the head of `a.b`.
        let named = fields.iter().enumerate().filter(|(_, name)| {
            starts && rest.strip_prefix(name.as_str()).is_some_and(|after| !after.starts_with(is_word))
        });
        match named.max_by_key(|(_, name)| name.len()) {
            Some((at, name)) => {
                pieces.push(MergePiece::Field(at));
                found[at] = true;
                before = name.chars().next_back();
                rest = &rest[name.len()..];
            }
            None => {
                push_text(&mut pieces, &rest[..first.len_utf8()]);
                before = Some(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    found.iter().all(|found| *found).then_some(pieces)
}

fn push_text(pieces: &mut Vec<MergePiece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(MergePiece::Text(known)) => known.push_str(text),
        _ => pieces.push(MergePiece::Text(text.to_owned())),
    }
}
