//! `audit …`: the chain of what was done to a cluster.

mod records;

use std::io::{self, Write};

use serde::Serialize;
use token::{AuditFilter, AuditNext, AuditPlace, AuditRecord, ClusterId, Operator};

use crate::{
    arguments::Arguments,
    output::{Answer, Error, Result},
    shell::Shell,
};

pub(super) fn verify(shell: &mut Shell, _: &Arguments<'_>) -> Result<Answer> {
    let cluster = shell.cluster_id()?;
    let report = shell.client()?.verify_audit(&cluster)?;
    if let Some(number) = report.broken_at {
        return Err(broken(&cluster, number));
    }
    Answer::data(Verified {
        cluster_id: cluster.as_str(),
        chain: "intact",
        records: report.records,
        head: &report.head,
    })
}

/// Records are printed as they come: a chain has no end that would fit a memory.
pub(super) fn list(shell: &mut Shell, arguments: &Arguments<'_>) -> Result<Answer> {
    let time = |name| arguments.optional(name).map(records::time).transpose();
    let filter = AuditFilter {
        since_ms: time("since")?,
        until_ms: time("until")?,
        user: arguments.optional("user").map(str::to_owned),
        event: arguments.optional("event").map(str::to_owned),
    };
    let line: fn(&AuditRecord) -> Result<String> = match arguments.flag("json") {
        true => records::json,
        false => |record| Ok(records::row(record)),
    };
    let cluster = shell.cluster_id()?;
    let client = shell.client()?;
    let (mut place, mut listed) = (AuditPlace::BEGINNING, 0_u64);
    loop {
        let page = client.audit_records(&cluster, &place, &filter)?;
        for record in &page.records {
            if listed == 0 && !arguments.flag("json") && !print(records::HEADING)? {
                return Ok(Answer::printed());
            }
            if !print(&line(record)?)? {
                return Ok(Answer::printed());
            }
            listed += 1;
        }
        place = page.to;
        match page.next {
            AuditNext::Further => {}
            AuditNext::Broken => return Err(broken(&cluster, place.records)),
            AuditNext::End if arguments.flag("json") => return Ok(Answer::printed()),
            AuditNext::End => break,
        }
    }
    Answer::text(format!(
        "{listed} of {} records; the chain is intact, and its head is {}",
        place.records,
        place.head()
    ))
}

/// Prints a line, unless whoever reads has read enough.
fn print(line: &str) -> Result<bool> {
    match writeln!(io::stdout(), "{line}") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::System(error.to_string())),
    }
}

fn broken(cluster: &ClusterId, number: u64) -> Error {
    Error::Broken(format!(
        "the audit chain of {cluster} is broken: what should be record {number}, counted from 0, is \
         missing, was altered, or does not follow from the one before it"
    ))
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Verified<'a> {
    cluster_id: &'a str,
    chain: &'static str,
    records: u64,
    head: &'a str,
}
