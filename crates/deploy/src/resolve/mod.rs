//! From a spec to a deployment: every default settled, every contradiction found.

mod conflicts;
mod edge;
mod names;
mod passthrough;
mod site;
mod tcp_sites;
mod termination;
mod unit;

use findings::{Finding, Report};

use crate::deployment::{Deployment, Topology};
use crate::generation;
use crate::layout::Layout;
use crate::spec::Spec;
use crate::target::{Target, find_faults, find_stream_faults};

/// What the resolution knows besides the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The NGINX to render for.
    pub nginx: Target,
    /// The machine to render for.
    pub layout: Layout,
}

/// Settles every default of a spec, and finds what the spec, the target and the layout cannot have together.
///
/// `None` when the report has an error.
pub fn resolve(spec: &Spec, facts: &Facts) -> (Option<Deployment>, Report) {
    let mut report = Report::new();
    let mut deployment = draft(spec, facts, &mut report);
    match spec.topology {
        Topology::H3Termination => {
            report.append(find_faults(&facts.nginx));
            if let Some(deployment) = &mut deployment {
                termination::settle(deployment, spec, &mut report);
            }
        }
        Topology::StreamPassthrough => {
            report.append(find_stream_faults(&facts.nginx));
            passthrough::refuse(spec, &mut report);
            if let Some(deployment) = &mut deployment {
                passthrough::settle(deployment, spec, &mut report);
            }
        }
    }
    if let Some(deployment) = &mut deployment {
        conflicts::find(deployment, spec, &mut report);
        generation::name(deployment);
    }
    let report = report.sorted();
    (deployment.filter(|_| !report.has_errors()), report)
}

/// What is the same in every topology.
fn draft(spec: &Spec, facts: &Facts, report: &mut Report) -> Option<Deployment> {
    let paths = match facts.layout.paths(&spec.name.value) {
        Ok(paths) => paths,
        Err(error) => {
            report.push(Finding::error(
                "layout.path",
                format!("a path of the layout {error}"),
            ));
            return None;
        }
    };
    let mut sites: Vec<_> = spec
        .sites
        .iter()
        .filter_map(|site| site::resolve(site, &facts.layout, report))
        .collect();
    if sites.len() != spec.sites.len() {
        return None;
    }
    let edge = edge::resolve(spec, &paths, &sites, report)?;
    for site in &mut sites {
        names::settle(site, edge.public_https_port);
        site.origin.h3check = edge.h3check;
    }
    Some(Deployment {
        name: spec.name.value.clone(),
        spec_file: spec.file.clone(),
        generation: generation::placeholder(),
        topology: spec.topology,
        keep_generations: spec.keep_generations.unwrap_or(KEEP_GENERATIONS),
        edge,
        sites,
        target: facts.nginx.clone(),
        layout: facts.layout.clone(),
        paths,
    })
}

/// A working month; a generation is some 100 KiB.
const KEEP_GENERATIONS: usize = 20;

#[cfg(test)]
mod tests;
