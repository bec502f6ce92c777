//! The stack of authentication modules that `pam-auth-update` keeps in `/etc/pam.d/common-*`.
//!
//! Packages ship *profiles* in `/usr/share/pam-configs`: for each of four types some lines, meant for the *primary* block, of
//! which the first module that succeeds jumps over the rest, or for the *additional* one. They are put between the marks in the
//! templates `/usr/share/pam/common-*`, highest priority first. What was written is remembered in `/var/lib/pam`, so that
//! `pam-auth-update` finds its own work on the system later. Without all this nobody can log in.

use std::collections::BTreeMap;

use super::{Error, Package, Root, scripts};

const PROFILES: &str = "/usr/share/pam-configs";
const TEMPLATES: &str = "/usr/share/pam";
const TARGETS: &str = "/etc/pam.d";
const STATE: &str = "/var/lib/pam";

/// The files `common-*`, with the type of their lines and the fields of the profiles that they take.
const STACKS: [Stack; 5] = [
    Stack { name: "auth", kind: "auth", field: "Auth" },
    Stack { name: "account", kind: "account", field: "Account" },
    Stack { name: "password", kind: "password", field: "Password" },
    Stack { name: "session", kind: "session", field: "Session" },
    Stack { name: "session-noninteractive", kind: "session", field: "Session" },
];

/// What stands in an empty primary block, so that jumps have somewhere to go.
const PERMIT: &str = "[default=1]\t\t\tpam_permit.so";

struct Stack {
    name: &'static str,
    kind: &'static str,
    field: &'static str,
}

/// A profile: its fields, values without the blanks around their lines.
struct Profile {
    name: String,
    fields: BTreeMap<String, String>,
}

/// The blocks of a stack.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Primary,
    Additional,
}

impl Block {
    fn name(self) -> &'static str {
        match self {
            Block::Primary => "Primary",
            Block::Additional => "Additional",
        }
    }

    /// Returns how the lines begin between which a template has this block.
    fn marks(self) -> (&'static str, &'static str) {
        match self {
            Block::Primary => (
                "# here are the per-package modules (the \"Primary\" block)",
                "# here's the fallback if no module succeeds",
            ),
            Block::Additional => (
                "# and here are more per-package modules (the \"Additional\" block)",
                "# end of pam-auth-update config",
            ),
        }
    }
}

/// Writes `/etc/pam.d/common-*` and `/var/lib/pam` from the profiles that are enabled by default, or by a package's script.
/// Without templates nothing is written.
///
/// # Errors
/// A profile or a template cannot be read, or a file cannot be written.
pub fn pam(root: &mut Root<'_>, packages: &[Package]) -> Result<(), Error> {
    if !root.is_directory(TEMPLATES) {
        return Ok(());
    }
    let profiles = profiles(root)?;
    let enabled = without_conflicts(profiles.iter().filter(|profile| profile.is_default()).chain(
        asked_for(root, packages)?.iter().filter_map(|name| profiles.iter().find(|profile| profile.name == *name)),
    ));
    for stack in &STACKS {
        let template = format!("{TEMPLATES}/common-{}", stack.name);
        let Some(text) = root.text(&template)? else { continue };
        root.write_text(&format!("{TARGETS}/common-{}", stack.name), stack.filled(&text, &enabled))?;
        root.write_text(&format!("{STATE}/{}", stack.name), stack.remembered(&enabled))?;
    }
    let seen: String = profiles.iter().map(|profile| format!("{}\n", profile.name)).collect();
    root.write_text(&format!("{STATE}/seen"), seen)
}

/// Returns all profiles, highest priority first and then the last name first.
fn profiles(root: &Root<'_>) -> Result<Vec<Profile>, Error> {
    let mut profiles = Vec::new();
    for name in root.names(PROFILES) {
        if name.ends_with('~') || (name.starts_with('#') && name.ends_with('#')) {
            continue;
        }
        let text = root.text(&format!("{PROFILES}/{name}"))?.unwrap_or_default();
        profiles.push(Profile::parse(name, &text));
    }
    profiles.sort_by(Profile::compare);
    Ok(profiles)
}

/// Returns the profiles that scripts enable by name.
fn asked_for(root: &Root<'_>, packages: &[Package]) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for package in packages {
        let Some(script) = package.text("postinst", root.blobs())? else { continue };
        for command in scripts::commands(&script).iter().filter(|command| command.name() == "pam-auth-update") {
            let after = command.arguments().iter().skip_while(|argument| *argument != "--enable").skip(1);
            names.extend(after.take_while(|argument| !argument.starts_with("--")).cloned());
        }
    }
    Ok(names)
}

/// Returns the profiles in their order, each once, without those that another one excludes.
fn without_conflicts<'p>(profiles: impl Iterator<Item = &'p Profile>) -> Vec<&'p Profile> {
    let mut profiles: Vec<&Profile> = profiles.collect();
    profiles.sort_by(|left, right| left.compare(right));
    profiles.dedup_by_key(|profile| &profile.name);
    let mut at = 0;
    while let Some(profile) = profiles.get(at).copied() {
        profiles.retain(|other| !profile.excludes(other));
        at += 1;
    }
    profiles
}

impl Profile {
    /// Reads `Field: value` and indented lines that go on. As `pam-auth-update` does, `Auth-Final` is taken as `Auth`.
    fn parse(name: String, text: &str) -> Profile {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut field = String::new();
        for line in text.lines() {
            let head = line.split_once(':').filter(|(head, _)| !head.is_empty() && !head.contains(char::is_whitespace));
            match head {
                Some((head, value)) => {
                    field = head.strip_suffix("-Final").unwrap_or(head).to_owned();
                    fields.insert(field.clone(), value.trim().to_owned());
                }
                None => {
                    let value = fields.entry(field.clone()).or_default();
                    if !line.trim().is_empty() && !value.is_empty() {
                        value.push('\n');
                    }
                    value.push_str(line.trim());
                }
            }
        }
        Profile { name, fields }
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn priority(&self) -> i64 {
        self.field("Priority").parse().unwrap_or(0)
    }

    fn is_default(&self) -> bool {
        self.field("Default") == "yes"
    }

    fn compare(&self, other: &Profile) -> std::cmp::Ordering {
        (other.priority(), &other.name).cmp(&(self.priority(), &self.name))
    }

    fn excludes(&self, other: &Profile) -> bool {
        self.field("Conflicts").split(", ").any(|name| name == other.name)
    }
}

impl Stack {
    /// Returns the profiles with their lines in a block; the first one has other lines where it says so.
    fn modules<'p>(&self, block: Block, enabled: &[&'p Profile]) -> Vec<(&'p str, &'p str)> {
        let is_in = |profile: &&&Profile| {
            let is_skipped = self.name != self.kind && profile.field("Session-Interactive-Only") == "yes";
            profile.field(&format!("{}-Type", self.field)) == block.name() && !is_skipped
        };
        let lines = |(number, profile): (usize, &&'p Profile)| {
            let initial = profile.field(&format!("{}-Initial", self.field));
            let lines = if number == 0 && !initial.is_empty() { initial } else { profile.field(self.field) };
            (profile.name.as_str(), lines)
        };
        enabled.iter().filter(is_in).enumerate().map(lines).collect()
    }

    /// Returns a template with its blocks filled.
    fn filled(&self, template: &str, enabled: &[&Profile]) -> String {
        let mut text = String::new();
        let mut lines = template.lines();
        let mut blocks = [Block::Primary, Block::Additional].into_iter().peekable();
        while let Some(line) = lines.next() {
            text += &format!("{line}\n");
            let Some(block) = blocks.next_if(|block| line.starts_with(block.marks().0)) else { continue };
            text += &self.block(block, enabled);
            let after = lines.by_ref().find(|line| line.starts_with(block.marks().1));
            text.extend(after.map(|line| format!("{line}\n")));
        }
        text
    }

    fn block(&self, block: Block, enabled: &[&Profile]) -> String {
        let modules = self.modules(block, enabled);
        let lines: Vec<&str> = modules.iter().flat_map(|(_, lines)| lines.lines()).collect();
        if lines.is_empty() && block == Block::Primary {
            return format!("{}\t{PERMIT}\n", self.kind);
        }
        let jump = |number: usize| lines.len() - number - usize::from(block == Block::Additional);
        let numbered = lines.iter().enumerate();
        numbered.map(|(number, line)| format!("{}\t{}\n", self.kind, with_jump(line, jump(number)))).collect()
    }

    /// Returns what `pam-auth-update` remembers of a stack.
    fn remembered(&self, enabled: &[&Profile]) -> String {
        let [primary, additional] = [Block::Primary, Block::Additional].map(|block| self.modules(block, enabled));
        let permit = Some(("null", PERMIT)).filter(|_| primary.is_empty());
        let modules = permit.into_iter().chain(primary).chain(additional);
        modules.map(|(name, lines)| format!("Module: {name}\n{lines}\n")).collect()
    }
}

/// Returns a line of a profile with `end` in its control replaced by the number of lines to the end. Arguments are set apart by
/// single blanks, and a module without any has one blank behind it.
fn with_jump(line: &str, jump: usize) -> String {
    let control_len = match line.starts_with('[') {
        true => line.find(']').map_or(line.len(), |end| end + 1),
        false => line.find(char::is_whitespace).unwrap_or(line.len()),
    };
    let blanks = line[control_len..].len() - line[control_len..].trim_start().len();
    let module = &line[control_len + blanks..];
    let module_len = module.find(char::is_whitespace).unwrap_or(module.len());
    let (head, arguments) = line.split_at(control_len + blanks + module_len);
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    format!("{} {}", head.replace("end", &jump.to_string()), arguments.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_block(block: Block, profiles: &[(&str, &str)], expected: &str) {
        let mut profiles: Vec<Profile> =
            profiles.iter().map(|(name, text)| Profile::parse(name.to_string(), text)).collect();
        profiles.sort_by(Profile::compare);
        let text = STACKS[0].block(block, &without_conflicts(profiles.iter()));
        assert_eq!(text, expected);
    }

    const UNIX: (&str, &str) = (
        "unix",
        "Name: Passwords\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_unix.so try_first_pass\n\
         Auth-Initial:\n\t[success=end default=ignore]\tpam_unix.so\n",
    );
    const CARD: (&str, &str) = (
        "card",
        "Name: Cards\nDefault: yes\nPriority: 300\nAuth-Type: Primary\nAuth:\n\t[success=end]  pam_card.so  a   b\n\toptional pam_x.so\n",
    );

    #[test]
    fn jumps_lead_behind_the_block() {
        check_block(Block::Primary, &[UNIX], "auth\t[success=1 default=ignore]\tpam_unix.so \n");
        check_block(
            Block::Primary,
            &[UNIX, CARD],
            "auth\t[success=3]  pam_card.so a b\nauth\toptional pam_x.so \n\
             auth\t[success=1 default=ignore]\tpam_unix.so try_first_pass\n",
        );
        check_block(Block::Primary, &[], "auth\t[default=1]\t\t\tpam_permit.so\n");
        check_block(Block::Additional, &[UNIX], "");
    }

    #[test]
    fn a_profile_excludes_others() {
        let card = (CARD.0, &*format!("{}Conflicts: unix, x\n", CARD.1));
        check_block(Block::Primary, &[UNIX, card], "auth\t[success=2]  pam_card.so a b\nauth\toptional pam_x.so \n");
    }

    #[test]
    fn what_was_in_a_block_is_replaced() {
        let template = "# top\n# here are the per-package modules (the \"Primary\" block)\n$auth_primary\n\
                        # here's the fallback if no module succeeds\nauth requisite pam_deny.so\n\
                        # and here are more per-package modules (the \"Additional\" block)\n$auth_additional\n\
                        # end of pam-auth-update config\n";
        let profile = Profile::parse("unix".to_owned(), UNIX.1);
        let filled = STACKS[0].filled(template, &[&profile]);
        assert_eq!(
            filled,
            template
                .replace("$auth_primary", "auth\t[success=1 default=ignore]\tpam_unix.so ")
                .replace("$auth_additional\n", "")
        );
        assert_eq!(STACKS[0].remembered(&[&profile]), "Module: unix\n[success=end default=ignore]\tpam_unix.so\n");
    }

    proptest::proptest! {
        #[test]
        fn any_profile_is_read(text in "(?s).{0,200}") {
            let profile = Profile::parse("x".to_owned(), &text);
            let lines = profile.fields.values().flat_map(|value| value.lines());
            lines.for_each(|line| drop(with_jump(line, 1)));
        }
    }
}
