let expensive = i: if i == 0 then 0 else 1 + expensive (i - 1);
    l = builtins.genList (i: { id = i; value = expensive 400; label = "p${toString i}"; }) 1000000;
in { n = builtins.length l; v = (builtins.elemAt l 500000).value; l = (builtins.elemAt l 999999).label; }
