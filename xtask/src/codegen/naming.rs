//! Rust names for the model's names.

/// Names whose capitals do not mark words; they are read as the right-hand spelling before splitting.
const WORDS: [(&str, &str); 3] = [("SAPOData", "SapOdata"), ("OAuth", "Oauth"), ("oAuth", "oauth")];

/// Words Rust keeps for itself.
const KEYWORDS: [&str; 6] = ["type", "static", "match", "move", "ref", "use"];

/// `flowName` → `flow_name`, for fields and modules.
pub fn field(name: &str) -> String {
    let snake = snake(name);
    if KEYWORDS.contains(&snake.as_str()) {
        return format!("r#{snake}");
    }
    snake
}

/// `CreateFlowRequest` → `CREATE_FLOW_REQUEST`, for statics.
pub fn constant(name: &str) -> String {
    snake(name).to_uppercase()
}

/// `Map_all` → `MapAll`, `EQUAL_TO` → `EqualTo`, `SAPOData` as it is, for enum variants.
pub fn variant(value: &str) -> String {
    let shouted = !value.chars().any(|c| c.is_ascii_lowercase());
    value
        .split('_')
        .map(|word| {
            let (head, tail) = word.split_at(word.len().min(1));
            let tail = if shouted { tail.to_lowercase() } else { tail.to_owned() };
            head.to_uppercase() + &tail
        })
        .collect()
}

/// `ValidationException` → `Validation`, for error kinds.
pub fn error(name: &str) -> &str {
    name.strip_suffix("Exception").unwrap_or(name)
}

fn snake(name: &str) -> String {
    let mut name = name.to_owned();
    for (from, to) in WORDS {
        name = name.replace(from, to);
    }
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, &c) in letters.iter().enumerate() {
        if c == '_' {
            out.push('_');
            continue;
        }
        if c.is_ascii_uppercase() && i > 0 {
            let after_small = !letters[i - 1].is_ascii_uppercase() && letters[i - 1] != '_';
            let ends_acronym = letters.get(i + 1).is_some_and(char::is_ascii_lowercase);
            if after_small || ends_acronym {
                out.push('_');
            }
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_rust() {
        let fields = [
            ("flowName", "flow_name"),
            ("SAPOData", "sap_odata"),
            ("oAuth2Properties", "oauth2_properties"),
            ("disableSSO", "disable_sso"),
            ("logoURL", "logo_url"),
            ("s3OutputFormatConfig", "s3_output_format_config"),
            ("KMSArn", "kms_arn"),
            ("S3", "s3"),
            ("type", "r#type"),
        ];
        for (name, expected) in fields {
            assert_eq!(field(name), expected);
        }
        let variants = [
            ("Map_all", "MapAll"),
            ("EQUAL_TO", "EqualTo"),
            ("SAPOData", "SAPOData"),
            ("OAUTH2", "Oauth2"),
            ("S3", "S3"),
        ];
        for (name, expected) in variants {
            assert_eq!(variant(name), expected);
        }
    }
}
