//! A report as a table: a row for each name.

use super::Report;
use super::told::Told;
use crate::insight::NameCounts;

const HEAD: &str =
    "from,to,device,vendor,product,purpose,sends,regions,name,passed,watched,muted,allowed,at_night,last_hour\r\n";

/// Writes every name of `report`, times in milliseconds since the epoch. Fields are safe for table programs. What is sent
/// is told in the report's language; whatever a program would look for is the same in each.
pub(super) fn csv(report: &Report) -> String {
    let (mut text, told) = (HEAD.to_owned(), Told::new(report.language));
    for vendor in &report.exposure.vendors {
        for product in &vendor.products {
            for name in &product.names {
                row(&mut text, (report, &told), [&vendor.vendor, &product.product, &product.purpose], name);
            }
        }
    }
    for name in &report.exposure.unlabelled {
        row(&mut text, (report, &told), ["", "", ""], name);
    }
    text
}

fn row(text: &mut String, (report, told): (&Report, &Told), [vendor, product, purpose]: [&str; 3], name: &NameCounts) {
    let label = name.label.as_ref();
    let fields = [
        report.exposure.from.millis().to_string(),
        report.exposure.to.millis().to_string(),
        report.device.name.clone(),
        vendor.to_owned(),
        product.to_owned(),
        purpose.to_owned(),
        label.map(|label| told.text(&label.sends).to_owned()).unwrap_or_default(),
        label.map(|label| label.regions.join(" ")).unwrap_or_default(),
        name.name.to_string(),
        name.counts.passed.to_string(),
        name.counts.watched.to_string(),
        name.counts.muted.to_string(),
        name.counts.allowed.to_string(),
        name.at_night.to_string(),
        name.last_hour.millis().to_string(),
    ];
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        csv_field(text, field);
    }
    text.push_str("\r\n");
}

/// Writes a field so that no table program takes it for a formula (CWE-1236), and quoted where it must be (RFC 4180).
pub fn csv_field(text: &mut String, field: &str) {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let quoted = formula || field.contains([',', '"', '\n', '\r']);
    if !quoted {
        text.push_str(field);
        return;
    }
    text.push('"');
    if formula {
        text.push('\'');
    }
    text.push_str(&field.replace('"', "\"\""));
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::csv_field;

    #[test]
    fn no_field_is_a_formula_and_all_can_be_read_again() {
        for (field, written) in [
            ("plain.example", "plain.example"),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@cmd", "\"'@cmd\""),
            ("\tx", "\"'\tx\""),
            ("\rx", "\"'\rx\""),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
        ] {
            let mut text = String::new();
            csv_field(&mut text, field);
            assert_eq!(text, written);
        }
    }
}
