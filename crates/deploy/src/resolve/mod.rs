//! From a spec to a deployment: every default settled, every contradiction found.

mod conflicts;
mod edge;
mod names;
mod site;
mod unit;

use findings::{Finding, Report};

use crate::deployment::{Deployment, Topology};
use crate::generation;
use crate::layout::Layout;
use crate::spec::Spec;
use crate::target::{Target, find_faults};

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
    let mut report = find_faults(&facts.nginx);
    let deployment = match spec.topology {
        Topology::H3Termination => terminate_h3(spec, facts, &mut report),
        // `parse` refuses it, with the way out
        Topology::StreamPassthrough => None,
    };
    if let Some(deployment) = &deployment {
        conflicts::find(deployment, spec, &mut report);
    }
    let report = report.sorted();
    (deployment.filter(|_| !report.has_errors()), report)
}

fn terminate_h3(spec: &Spec, facts: &Facts, report: &mut Report) -> Option<Deployment> {
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
    let mut deployment = Deployment {
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
    };
    generation::name(&mut deployment);
    Some(deployment)
}

/// A working month; a generation is some 100 KiB.
const KEEP_GENERATIONS: usize = 20;

#[cfg(test)]
mod tests;
