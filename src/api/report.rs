//! A report about a device, to hand to someone.

use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::auth::LoggedIn;
use super::devices::Names;
use super::house::House;
use super::problem::{Params, Problem, Segment};
use super::span::{NightParams, Span, SpanParams};
use crate::insight::{self, Language, Report, ReportForm};
use crate::policy::DeviceId;

/// How it is written.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReportParams {
    /// `html` (where it is not given), `csv` or `json`.
    #[param(value_type = Option<String>, pattern = "^(html|csv|json)$")]
    format: Option<String>,
    /// The language of what is told in words: `en`, `de` or `nl`. Where it is not given, the first of `Accept-Language` that
    /// is one of these, else English.
    #[param(value_type = Option<Language>)]
    lang: Option<String>,
}

/// Reports what a device told whom in the span, as a file: a page of its own, a table of names, or all of it as JSON. What
/// the catalogue says is told in the language asked for; columns, keys, purposes and products are the same in each.
#[utoipa::path(get, path = "/devices/{id}/report", tag = "devices",
    params(("id" = String, Path, description = "Which device"), SpanParams, NightParams, ReportParams),
    responses(
        (status = 200, content(
            (Report = "application/json"), (String = "text/html"), (String = "text/csv")), description = "The report")))]
pub(crate) async fn report_device(
    house: LoggedIn,
    Segment(id): Segment<DeviceId>,
    Params(span): Params<SpanParams>,
    Params(night): Params<NightParams>,
    Params(ReportParams { format, lang }): Params<ReportParams>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let span = span.resolve(house.clock.now())?;
    let offset = night.resolve()?;
    let (kind, name, form) = match format.as_deref() {
        None | Some("html") => ("text/html; charset=utf-8", "report.html", ReportForm::Html),
        Some("csv") => ("text/csv; charset=utf-8; header=present", "report.csv", ReportForm::Csv),
        Some("json") => ("application/json", "report.json", ReportForm::Json),
        Some(_) => return Err(Problem::unusable("\"format\" is html, csv or json.")),
    };
    let language = language(lang.as_deref(), &headers)?;
    let text =
        house.read(move |house| report(house, &id, span, (offset, language)).map(|report| report.write(form))).await?;
    let text = text.ok_or_else(|| Problem::not_found("device with this id that ever asked"))?;
    // Never shown in the place of the page: what stands in it is read outside of it.
    let disposition = format!("attachment; filename=\"sordino-{name}\"");
    let head = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_LANGUAGE, language.tag().to_owned()),
        (header::VARY, "accept-language".to_owned()),
    ];
    Ok((head, text))
}

fn language(asked: Option<&str>, headers: &HeaderMap) -> Result<Language, Problem> {
    let Some(tag) = asked else {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
        return Ok(Language::accepted(accepted.unwrap_or_default()));
    };
    Language::named(tag).ok_or_else(|| Problem::unusable("\"lang\" is en, de or nl."))
}

fn report(house: &House, id: &DeviceId, span: Span, (utc_offset_minutes, language): (i32, Language)) -> Option<Report> {
    let names = Names::new(house);
    let snapshot = names.snapshot();
    let device = names.device(id);
    insight::report(insight::Wanted {
        store: &house.store,
        snapshot,
        device: &device,
        from: span.from,
        to: span.to,
        utc_offset_minutes,
        made: house.clock.now(),
        lists: house.control.lists_in_force(),
        language,
    })
}
