use proptest::prelude::*;

use super::*;

/// Writes commands as `line: words [conditions]`, `?` marking those with unknown words.
fn shown(script: &str) -> String {
    let lines = commands(script).into_iter().map(|command| {
        let mark = if command.is_literal { "" } else { "?" };
        let conditions = match command.conditions.is_empty() {
            true => String::new(),
            false => format!(" if {}", command.conditions.join(" AND ")),
        };
        format!("{}{mark}: {}{conditions}\n", command.line, command.words.join("|"))
    });
    lines.collect()
}

fn check(script: &str, expected: &str) {
    assert_eq!(shown(script), expected, "{script}");
}

#[test]
fn words_lose_their_quotes() {
    check("a 'b c' \"d  e\"f \\g \\\nh # comment\n", "1: a|b c|d  ef|g|h\n");
    check("a \"\\$x \\n\" ''\n", "1: a|$x \\n|\n");
}

#[test]
fn variables_with_literal_values_are_filled_in() {
    check("user=web\nadduser --system \"$user\" ${user}x\n", "2: adduser|--system|web|webx\n");
    check("list='a  b'\nrun $list \"$list\"\n", "2: run|a|b|a  b\n");
    check("x=$(date)\nrun \"$x\" ${y#z} *.conf\n", "2?: run|\"$x\"|${y#z}|*.conf\n");
    check("run ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"} \"$DPKG_ROOT/etc\" ${DPKG_ROOT:-/}\n", "1: run|/etc|/\n");
}

#[test]
fn what_a_visitor_knows_to_be_printed_is_filled_in() {
    struct Knows(Vec<String>);
    impl Visitor for Knows {
        fn visit(&mut self, command: &Command) -> Option<bool> {
            self.0.push(format!("{}{}", command.words.join("|"), if command.is_literal { "" } else { " ?" }));
            None
        }

        fn output(&mut self, command: &Command) -> Option<String> {
            (command.name() == "print").then(|| command.arguments().join(" ") + "\n")
        }
    }
    let check = |script: &str, expected: &str| {
        let mut knows = Knows(Vec::new());
        read(script, Stage::Configure, &mut knows);
        assert_eq!(knows.0.join("\n"), expected, "{script}");
    };
    check("run $(print a b) \"$(print a b)\" `print c`\n", "run|a|b|a b|c");
    check("x=d\ny=$(print \"$x\" 2>/dev/null || true)\nif [ \"$y\" = d ]; then run $y; fi\n", "run|d");
    check("run $(date) $(print $(date)) $(print a | wc)\n", "run|$(date)|$(print $(date))|$(print a | wc) ?");
    check("run $(print $(print a))\nif z=$(print a); then b; fi\n", "run|a\nb");
    check(
        "slave() {\n d=$1 f=$2\n print \"--slave $d/$f $f\"\n}\nd=kept\nrun $(\n slave /bin a\n \
         for x in b c; do\n  slave /bin $x\n done\n) $d\n",
        "run|--slave|/bin/a|a|--slave|/bin/b|b|--slave|/bin/c|c|kept",
    );
    check("run $(print a; date)\n", "run|$(print a; date) ?");
    check("run $(print a; exit 0; print b) $(if print c; then print d; fi)\n", "run|a|c|d");
    check(&format!("run {}a{}\n", "$(print ".repeat(5000), ")".repeat(5000)).replace("run", ":"), "");
}

#[test]
fn only_the_first_configuration_is_read() {
    check("if [ \"$1\" = configure ] || [ \"$1\" = abort-upgrade ]; then\n a\nelse\n b\nfi\n", "2: a\n");
    check("action=\"$1\"\ncase \"$action\" in\n remove|purge) a ;;\n conf*)\n b\n ;;\n *) c;;\nesac\n", "5: b\n");
    check("if [ -n \"$2\" ]; then a; fi\ndpkg --compare-versions \"$2\" lt-nl 1.0 && b\nc\n", "3: c\n");
    check("if test \"$1\" = install -o \"$1\" = configure; then a; fi\n", "1: a\n");
    check("if [ \"$1\" = configure -a -n \"$2\" ]; then a; fi\n[ \"$1\" = x -a -e /x ] || b\n", "2: b\n");
    check(
        "if [ -z \"$2\" -o -e /x ] && [ -z \"$2\" -a -e /x ]; then a; fi\n",
        "1: [|-z||-a|-e|/x|]\n1: a if [ -z \"$2\" -o -e /x ] && [ -z \"$2\" -a -e /x ]\n",
    );
    check("if test ! \"$1\" = configure; then exit 0; fi\na\nexit 0\nb\n", "2: a\n3: exit|0\n");
}

#[test]
fn what_is_not_known_is_a_condition() {
    check(
        "if ! getent passwd x >/dev/null; then\n a\nelse\n b\nfi\n",
        "1: getent|passwd|x\n2: a if ! getent passwd x > /dev/null\n4: b if getent passwd x > /dev/null\n",
    );
    check("x || y || true\nz\n", "1: x\n1: y if ! x\n2: z\n");
    check("[ -e /a ] && b\n", "1: [|-e|/a|]\n1: b if [ -e /a ]\n");
}

#[test]
fn functions_are_read_where_they_are_called() {
    let script = "in_root () {\n if [ -z \"$DPKG_ROOT\" ]; then\n  \"$@\"\n else\n  chroot \"$@\"\n fi\n}\n\
                  put() { mkdir \"/$1\"; chown root:$2 \"/$1\"; }\nin_root adduser --system x\nput srv mail\n";
    check(script, "3: adduser|--system|x\n8: mkdir|/srv\n8: chown|root:mail|/srv\n");
}

#[test]
fn what_follows_a_possible_return_is_in_doubt() {
    check(
        "f() { x=$(a)\n if [ -z \"$x\" ]; then return; fi\n b\n}\nf\nc\n",
        "2?: [|-z|\"$x\"|]\n2: return if [ -z \"$x\" ]\n3: b if not left by: [ -z \"$x\" ]\n6: c\n",
    );
    check("a || exit 1\nb\n", "1: a\n1: exit|1 if ! a\n2: b\n");
    check("a && exit 0\nb\n", "1: a\n1: exit|0 if a\n2: b if not left by: a\n");
}

#[test]
fn idioms_are_known() {
    check(
        "for x in a.conf:50-a.conf; do run $(echo $x | cut -d: -f1) $(echo $x | cut -d ':' -f2)y; done\n",
        "1?: run|a.conf|$(echo $x | cut -d ':' -f2)y\n",
    );
    check("x=a:b\nrun $(echo $x | cut -d: -f2)\n", "2: run|b\n");
    check("if [ \"$DPKG_MAINTSCRIPT_ARCH\" != $(dpkg --print-architecture) ]; then a; fi\nb\n", "2: b\n");
}

#[test]
fn loops_over_known_words_are_read_once_for_each() {
    check("for tool in ex vi; do\n run /usr/bin/$tool\ndone\n", "2: run|/usr/bin/ex\n2: run|/usr/bin/vi\n");
    check("for x in $(ls); do\n run $x\ndone\n", "2?: run|$x if for x in $(ls)\n");
}

#[test]
fn variables_set_under_a_condition() {
    check("if a; then\nx=--slave\nfi\nrun $x\n", "1: a\n4: run|--slave\n");
    check("if a; then\nx=1\nelse\nx=2\nfi\nrun $x\n", "1: a\n6?: run|$x\n");
    check("x=0\nif a; then\nx=1\nfi\nrun $x\n", "2: a\n5?: run|$x\n");
}

#[test]
fn here_documents_are_skipped() {
    check("cat > /etc/x <<'EOF'\nadduser\nEOF\nb\n", "1: cat\n4: b\n");
    check("cat <<-END && c\n\ta\n\tEND\nb\n", "1: cat\n1: c if cat <<- END\n4: b\n");
}

#[test]
fn scripts_that_explode_are_given_up() {
    let doubled = format!("x=ab\n{}run $x\n", "x=$x$x\n".repeat(40));
    check(&doubled, "42?: run|$x\n");
    let loops = "for i in 1 2 3 4 5 6 7 8 9; do ".repeat(12) + "x=1; run" + &"; done".repeat(12);
    assert!(commands(&loops).len() < 20_000);
    assert!(commands("f() { f; f; f; f; a; }\nf\n").len() < 20_000);
}

/// Loops without a command in them, words and conditions that become more with every command.
#[test]
fn scripts_that_explode_without_commands_are_given_up() {
    let loops = "for i in 1 2 3 4 5 6 7 8 9; do ".repeat(30) + &"; done".repeat(30);
    assert_eq!(commands(&loops), []);
    let doubled = "f() { f \"$@\" \"$@\" \"$@\" \"$@\"; }\nf '' ''\n";
    commands(doubled);
    let wide = format!("x=ab\n{}run{}\n", "x=$x$x\n".repeat(15), " $x".repeat(20_000));
    assert!(commands(&wide)[0].words.concat().len() < 1 << 20);
    let doubts = "a && exit\nb\n".repeat(10_000);
    let length = |command: &Command| command.conditions.iter().map(String::len).sum::<usize>();
    assert!(commands(&doubts).iter().map(length).sum::<usize>() < 16 << 20);
    let condition = format!("if a {}; then\n{}fi\n", "x ".repeat(50_000), "b\n".repeat(20_000));
    assert!(commands(&condition).iter().map(length).sum::<usize>() < 16 << 20);
}

#[test]
fn no_script_overflows_the_stack() {
    for operator in ["-a x ", "-o '' ", "! "] {
        commands(&format!("[ x {}]\n[ {}x ]\n", operator.repeat(200_000), operator.repeat(200_000)));
    }
    let calls: String = (0..20)
        .map(|i| format!("f{i}() {{ {}f{}{}; }}\n", "( if true; then ".repeat(60), i + 1, "; fi )".repeat(60)))
        .collect();
    commands(&format!("{calls}f0\n"));
    let outputs = format!("a {}b{}\n", "$(c ".repeat(1000), ")".repeat(1000));
    commands(&outputs);
    commands(&format!("a {}\n", "\"${x:-".repeat(100_000)));
    commands(&"if ( { while ! case x in ( a ) for i in $( ".repeat(20_000));
}

proptest! {
    #[test]
    fn any_text_is_read(script in "(?s).{0,200}") {
        commands(&script);
    }

    #[test]
    fn any_pieces_are_read(pieces in proptest::collection::vec(prop_oneof![
        Just("if"), Just("then"), Just("fi"), Just("case"), Just("in"), Just("esac"), Just("for"), Just("do"), Just("done"),
        Just(" "), Just("\n"), Just(";;"), Just("f()"), Just("{ "), Just(" }"), Just("("), Just(")"), Just("$("), Just("${x:-"),
        Just("\""), Just("'"), Just("\\"), Just("a=b"), Just("f"), Just("&&"), Just("||"), Just("<<E"), Just("$@"), Just("x"),
    ], 0..40)) {
        commands(&pieces.concat());
    }
}
