//! How fast pages of 20 columns become Arrow, on one thread and without a network.
#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

use std::error::Error;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use arrow_schema::Schema;
use tidegate_connectors::sapodata::columns::column;
use tidegate_connectors::sapodata::metadata::Metadata;
use tidegate_connectors::sapodata::page::Decoder;

const ROWS: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let types = ["Int32", "String", "Double", "Decimal", "DateTimeOffset"];
    let mut xml = String::from(
        r#"<Edmx Version="4.0"><DataServices><Schema Namespace="T"><EntityType Name="Row"><Key><PropertyRef Name="c0"/></Key>"#,
    );
    for at in 0..20 {
        write!(xml, r#"<Property Name="c{at}" Type="Edm.{}" Precision="15" Scale="4"/>"#, types[at % 5])?;
    }
    xml.push_str("</EntityType></Schema></DataServices></Edmx>");
    let xml = xml.replace(r#"DateTimeOffset" Precision="15""#, r#"DateTimeOffset" Precision="3""#);
    let metadata = Metadata::parse(&xml)?;
    let (columns, fields): (Vec<_>, Vec<_>) =
        metadata.types["T.Row"].properties.iter().filter_map(|p| column(&metadata, p)).unzip();
    let mut body = String::from(r#"{"@odata.context":"$metadata#Rows","value":["#);
    for row in 0..ROWS {
        body.push_str(if row == 0 { "{" } else { ",{" });
        for at in 0..20 {
            let comma = if at == 0 { "" } else { "," };
            write!(body, "{comma}\"c{at}\":")?;
            match at % 5 {
                0 => write!(body, "{}", row * at),
                1 => write!(body, "\"text {row} Grüße\""),
                2 => write!(body, "{}.{at}", row),
                3 => write!(body, "\"{row}.2345\""),
                _ => write!(body, "\"2013-01-{:02}T10:{:02}:00.123Z\"", row % 28 + 1, row % 60),
            }?;
        }
        body.push('}');
    }
    body.push_str("]}");
    let decoder = Decoder::new(columns, Arc::new(Schema::new(fields)), &[]);
    let (started, pages) = (Instant::now(), 500);
    for _ in 0..pages {
        let page = decoder.decode(body.as_bytes()).map_err(|error| format!("{error:?}"))?;
        assert_eq!(page.batch.num_rows(), ROWS);
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} rows of 20 columns in {seconds:.2} s: {:.0} rows/s, {:.0} MiB/s",
        ROWS * pages,
        (ROWS * pages) as f64 / seconds,
        (body.len() * pages) as f64 / seconds / f64::from(1 << 20)
    );
    Ok(())
}
