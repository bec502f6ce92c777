local expensive(i) = if i == 0 then 0 else 1 + expensive(i - 1);
local l = std.makeArray(1000000, function(i) { id: i, value: expensive(4000), label: 'p' + i });
{ n: std.length(l), v: l[500000].value, l: l[999999].label }
