use super::model::{Machine, SERVICES, rendered};
use super::*;

const CONF: &str = "/etc/nginx/conf.d/demo.conf";
const PIECE: &str = "/etc/nginx/demo/tls.conf";
const UNIT: &str = "/etc/systemd/system/demo-origin.service";
const TOML: &str = "/etc/demo/origin.toml";

/// A machine with these files applied.
fn machine(files: &[(&str, &str)]) -> Machine {
    let mut machine = Machine::new();
    machine.apply(&rendered(files));
    machine
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

fn kinds(plan: &Plan) -> Vec<NoteKind> {
    plan.notes.iter().map(|note| note.kind).collect()
}

#[test]
fn the_first_apply_makes_everything_in_order() {
    let unit = "[Unit]\n\n[Install]\nWantedBy=multi-user.target\n";
    let plan = Machine::new()
        .plan(
            &rendered(&[(CONF, "a;\n"), (PIECE, "b;\n"), (UNIT, unit)]),
            SERVICES,
        )
        .expect("no conflicts");
    let lines = lines(&plan);
    let at = |part: &str| {
        lines
            .iter()
            .position(|line| line.contains(part))
            .unwrap_or_else(|| panic!("{part}: {lines:#?}"))
    };
    assert!(at("folder /etc/nginx/demo") < at(PIECE));
    assert!(at(PIECE) < at(CONF) && at(CONF) < at("baseline.json"));
    assert!(
        at("baseline.json") < at("systemd read")
            && at("systemd read") < at("enable demo-origin.service")
    );
    assert!(at("start demo-origin.service") < at("start nginx.service"));
}

#[test]
fn an_apply_without_changes_plans_nothing() {
    let files = [(CONF, "a;\n"), (TOML, "b\n")];
    let machine = machine(&files);
    let plan = machine
        .plan(&rendered(&files), SERVICES)
        .expect("no conflicts");
    assert_eq!(lines(&plan), Vec::<String>::new());
}

#[test]
fn a_new_generation_alone_changes_nothing() {
    let head = |generation| format!("# Rendered by opsctl from x, generation {generation}.\na;\n");
    let machine = machine(&[(CONF, &head("0123456789abcdef"))]);
    let next = rendered(&[(CONF, &head("fedcba9876543210"))]);
    assert!(
        machine
            .plan(&next, SERVICES)
            .expect("no conflicts")
            .is_empty()
    );
}

#[test]
fn an_unmodified_file_is_replaced_and_its_reader_reloaded() {
    let mut machine = machine(&[(CONF, "a;\n"), (TOML, "b\n")]);
    let plan = machine.apply(&rendered(&[(CONF, "c;\n"), (TOML, "b\n")]));
    assert_eq!(machine.text(CONF), Some("c;\n"));
    assert_eq!(
        plan.services().collect::<Vec<_>>(),
        [(Verb::Reload, "nginx.service")]
    );
}

#[test]
fn a_hand_edit_is_kept_and_loaded_once_while_the_rendering_stays() {
    let files = [(CONF, "a;\n")];
    let mut machine = machine(&files);
    machine.edit(CONF, "a;\nhand;\n");
    let plan = machine.apply(&rendered(&files));
    assert_eq!(kinds(&plan), [NoteKind::KeptEdit]);
    assert_eq!(machine.text(CONF), Some("a;\nhand;\n"));
    assert_eq!(
        plan.services().collect::<Vec<_>>(),
        [(Verb::Reload, "nginx.service")]
    );
    let again = machine
        .plan(&rendered(&files), SERVICES)
        .expect("no conflicts");
    assert!(
        again.is_empty() && kinds(&again) == [NoteKind::KeptEdit],
        "{:?}",
        again.steps
    );
}

#[test]
fn the_same_lines_changed_by_both_are_a_conflict_with_both_sides() {
    let mut machine = machine(&[(CONF, "a;\n")]);
    machine.edit(CONF, "hand;\n");
    let conflicts = machine
        .plan(&rendered(&[(CONF, "b;\n")]), SERVICES)
        .expect_err("both changed");
    let ConflictKind::BothChanged { clashes } = &conflicts.0[0].kind else {
        panic!("{conflicts:?}");
    };
    let clash = &clashes[0];
    assert_eq!(
        [&clash.base, &clash.rendered, &clash.hand],
        ["a;\n", "b;\n", "hand;\n"]
    );
    assert!(conflicts.report().to_string().contains("opsctl adopt"));
}

#[test]
fn a_hand_edit_and_a_new_rendering_are_merged_and_the_hand_stays_a_hand() {
    let head = |generation| format!("# Rendered by opsctl from x, generation {generation}.\n");
    let (old, new) = (head("0123456789abcdef"), head("fedcba9876543210"));
    let mut machine = machine(&[(CONF, &format!("{old}a;\nb;\nc;\n"))]);
    machine.edit(CONF, &format!("{old}a;\nb;\nc;\nhand;\n"));
    let next = format!("{new}A;\nb;\nc;\n");
    assert_eq!(
        kinds(&machine.apply(&rendered(&[(CONF, &next)]))),
        [NoteKind::Merged]
    );
    assert_eq!(
        machine.text(CONF),
        Some(format!("{new}A;\nb;\nc;\nhand;\n").as_str())
    );
    let again = machine
        .plan(&rendered(&[(CONF, &next)]), SERVICES)
        .expect("no conflicts");
    assert!(
        again.is_empty() && kinds(&again) == [NoteKind::KeptEdit],
        "{:?}",
        again.steps
    );
}

#[test]
fn what_a_hand_deleted_stays_away_until_it_is_asked_for() {
    let mut machine = machine(&[(CONF, "a;\n"), (PIECE, "b;\n")]);
    machine.is.found.remove(PIECE);
    let next = rendered(&[(CONF, "a;\n"), (PIECE, "c;\n")]);
    assert_eq!(kinds(&machine.apply(&next)), [NoteKind::KeptDeleted]);
    assert_eq!(machine.text(PIECE), None);
    let restore = Options {
        restore: true,
        ..SERVICES
    };
    let plan = machine.plan(&next, restore).expect("no conflicts");
    machine.take(&plan.steps, &plan.texts);
    assert_eq!(machine.text(PIECE), Some("c;\n"));
}

#[test]
fn a_file_that_was_never_ours_is_not_touched() {
    let mut machine = Machine::new();
    machine.edit(CONF, "theirs;\n");
    let conflicts = machine
        .plan(&rendered(&[(CONF, "a;\n")]), SERVICES)
        .expect_err("a foreign file");
    assert!(matches!(conflicts.0[0].kind, ConflictKind::Foreign));
}

#[test]
fn where_the_memory_is_lost_files_as_rendered_are_taken_over() {
    let files = [(CONF, "a;\n"), (PIECE, "b;\n")];
    let mut machine = machine(&files);
    machine.is.baseline = None;
    machine.is.found.remove(&Baseline::path(&machine.paths));
    let plan = machine.apply(&rendered(&files));
    assert_eq!(kinds(&plan), [NoteKind::TakenOver, NoteKind::TakenOver]);
    assert_eq!(plan.services().count(), 0);
    assert!(machine.is.baseline.is_some());
}

#[test]
fn what_is_no_file_or_no_folder_is_in_the_way() {
    let mut machine = Machine::new();
    let link = Content::Other {
        kind: "a symbolic link".into(),
    };
    machine.is.found.insert(CONF.into(), Found::other(link));
    machine.edit("/etc/nginx/demo", "a file\n");
    let next = rendered(&[(CONF, "a;\n"), (PIECE, "b;\n")]);
    let said = machine
        .plan(&next, SERVICES)
        .expect_err("two conflicts")
        .report()
        .to_string();
    assert!(
        said.contains("a symbolic link where a file") && said.contains("a file where a folder"),
        "{said}"
    );
}

#[test]
fn a_file_that_nothing_renders_any_more_goes_and_a_hand_edit_of_it_is_set_aside() {
    let mut machine = machine(&[
        (CONF, "a;\n"),
        (PIECE, "b;\n"),
        ("/etc/nginx/demo/x.conf", "x;\n"),
    ]);
    machine.edit(PIECE, "hand;\n");
    machine.apply(&rendered(&[(CONF, "a;\n")]));
    assert_eq!(machine.text(PIECE), None);
    assert_eq!(machine.text("/etc/nginx/demo/x.conf"), None);
    assert_eq!(
        machine.text(&set_aside_path(PIECE, "hand;\n")),
        Some("hand;\n")
    );
}

#[test]
fn taking_everything_out_stops_units_before_their_files_go() {
    let mut machine = machine(&[
        (CONF, "a;\n"),
        (PIECE, "b;\n"),
        (UNIT, "[Install]\n"),
        (TOML, "t\n"),
    ]);
    let plan = machine.apply(&rendered(&[]));
    let lines = lines(&plan);
    let at = |part: &str| {
        lines
            .iter()
            .position(|line| line.contains(part))
            .expect(part)
    };
    assert!(at(CONF) < at("reload nginx") && at("reload nginx") < at("stop demo-origin.service"));
    assert!(
        at("stop demo-origin.service") < at(UNIT)
            && at(UNIT) < at("remove the folder /etc/nginx/demo")
    );
    assert!(machine.is.found.is_empty(), "{:?}", machine.is.found.keys());
}

#[test]
fn a_mode_that_a_hand_gave_is_kept_while_the_rendered_one_stays() {
    let mut machine = machine(&[(CONF, "a;\n")]);
    let found = Found::file(b"a;\n".to_vec(), 0o600, Ownership::Writer);
    machine.is.found.insert(CONF.into(), found);
    let mut next = rendered(&[(CONF, "a;\n")]);
    assert_eq!(
        kinds(&machine.plan(&next, SERVICES).expect("no conflicts")),
        [NoteKind::KeptRights]
    );
    next.files[0].mode = 0o640;
    let plan = machine.apply(&next);
    assert_eq!(
        plan.changes().next().map(|change| change.why),
        Some(Why::Rights)
    );
    assert_eq!(
        machine.is.content(CONF).rights().map(|rights| rights.0),
        Some(0o640)
    );
}

#[test]
fn a_way_back_puts_hand_edits_aside() {
    let mut machine = machine(&[(CONF, "a;\n")]);
    machine.edit(CONF, "hand;\n");
    let options = Options {
        overwrite: true,
        ..SERVICES
    };
    let plan = machine
        .plan(&rendered(&[(CONF, "a;\n")]), options)
        .expect("no conflicts");
    machine.take(&plan.steps, &plan.texts);
    assert_eq!(machine.text(CONF), Some("a;\n"));
    assert_eq!(
        machine.text(&set_aside_path(CONF, "hand;\n")),
        Some("hand;\n")
    );
}

#[test]
fn a_saved_plan_says_what_moved_since() {
    let mut machine = machine(&[(CONF, "a;\n")]);
    let plan = machine
        .plan(&rendered(&[(CONF, "b;\n")]), SERVICES)
        .expect("no conflicts");
    let saved = serde_json::to_string(&plan).expect("a document");
    let plan: Plan = serde_json::from_str(&saved).expect("the same plan");
    assert_eq!(plan.moved(&machine.is), []);
    machine.edit(CONF, "hand;\n");
    machine.is.nginx = Some("1.30.6".into());
    let moved: Vec<_> = plan
        .moved(&machine.is)
        .into_iter()
        .map(|moved| moved.what)
        .collect();
    assert_eq!(moved, [CONF, "NGINX"]);
}

#[test]
fn undoing_any_number_of_steps_gives_the_machine_back() {
    let mut machine = machine(&[(CONF, "a;\n"), (PIECE, "b;\n")]);
    let before = machine.is.clone();
    let plan = machine
        .plan(
            &rendered(&[(CONF, "c;\n"), (UNIT, "[Install]\n"), (TOML, "t\n")]),
            SERVICES,
        )
        .expect("no conflicts");
    let mut texts = plan.texts.clone();
    let old = before.found.values().filter_map(|found| found.text.clone());
    texts.extend(old.map(|text| (digest(text.as_bytes()), text)));
    for done in 0..=plan.steps.len() {
        machine.take(&plan.steps[..done], &texts);
        machine.take(&plan.undo(done), &texts);
        assert_eq!(machine.is.found, before.found, "after {done} steps");
        let runs = |unit: (&String, &UnitState)| unit.1.active || unit.1.enabled;
        assert!(
            machine
                .is
                .units
                .iter()
                .filter(|unit| runs(*unit))
                .eq(&before.units)
        );
    }
}
