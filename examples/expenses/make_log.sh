#!/bin/sh
# Writes log.xes, which ships as log.xes.gz: sixty made-up declarations in the format of the BPI Challenge 2020 logs.
#
#   ./make_log.sh | gzip -9n >log.xes.gz
#
# A row of the table is a number of cases, their amount, and their steps:
#   V saved  S submitted  A approved by the administration  P by the pre-approver  B by the budget owner
#   F finally approved by the supervisor  D by the director  R payment requested  H payment handled
#   J rejected by the administration  K by the supervisor  E by the employee  M by nobody that the log names
#   U a reminder, which no transition is called after
#   =  at the very time of the step before    !  stamped a day before the step before
set -eu
LC_ALL=C awk '
function stamp(minutes,    day, month, left) {
  day = int(minutes / 1440) + 1; left = minutes % 1440
  for (month = 1; day > days[month]; month++) day -= days[month]
  return sprintf("2024-%02d-%02dT%02d:%02d:00.000+01:00", month, day, int(left / 60), left % 60)
}
function attribute(kind, key, value) { printf "\t\t\t<%s key=\"%s\" value=\"%s\"/>\n", kind, key, value }
function event(letter, minutes, name, number, amount) {
  print "\t\t<event>"
  attribute("string", "lifecycle:transition", "complete")
  attribute("date", "time:timestamp", stamp(minutes))
  attribute("string", "(case)_Amount", amount)
  attribute("string", "(case)_BudgetNumber", "budget " 86000 + number % 7)
  attribute("string", "(case)_DeclarationNumber", "declaration number " 100000 + number)
  attribute("string", "(case)_id", name)
  attribute("string", "concept:name", activity[letter])
  attribute("string", "id", "st_step " 200000 + step_count++)
  attribute("string", "org:resource", index("RHU", letter) ? "SYSTEM" : "STAFF MEMBER")
  attribute("string", "org:role", role[letter])
  print "\t\t</event>"
}
function trace(number, amount, steps,    name, minutes, previous, letter, i, mark) {
  name = "declaration " 1000 + number
  print "\t<trace>"
  printf "\t\t<string key=\"concept:name\" value=\"%s\"/>\n", name
  printf "\t\t<string key=\"variant\" value=\"%s\"/>\n", steps
  minutes = 7 * 1440 + number * 977
  for (i = 1; i <= length(steps); i++) {
    letter = substr(steps, i, 1)
    mark = substr(steps, i + 1, 1)
    if (i > 1) minutes += 480 + (number * 37 + i * 211) % 2400
    if (mark == "=") minutes = previous
    if (mark == "=" || mark == "!") i++
    event(letter, mark == "!" ? previous - 1440 : minutes, name, number, amount)
    previous = minutes
  }
  print "\t</trace>"
}
BEGIN {
  split("31 29 31 30 31 30 31 31 30 31 30 31", days, " ")
  split("V S A P B F D R H J K E M U", letters, " ")
  split("SAVED:EMPLOYEE SUBMITTED:EMPLOYEE APPROVED:ADMINISTRATION APPROVED:PRE_APPROVER APPROVED:BUDGET_OWNER " \
        "FINAL_APPROVED:SUPERVISOR FINAL_APPROVED:DIRECTOR - - REJECTED:ADMINISTRATION REJECTED:SUPERVISOR " \
        "REJECTED:EMPLOYEE REJECTED:MISSING REMINDED:SYSTEM", said, " ")
  for (i in letters) {
    split(said[i], parts, ":")
    role[letters[i]] = parts[2] == "BUDGET_OWNER" ? "BUDGET OWNER" : parts[2]
    activity[letters[i]] = "Declaration " parts[1] " by " role[letters[i]]
  }
  activity["R"] = "Request Payment"; activity["H"] = "Payment Handled"
  role["R"] = role["H"] = role["U"] = "UNDEFINED"
  print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
  print "<!-- Made up; make_log.sh writes it. -->"
  print "<log xes.version=\"1.0\" xmlns=\"http://www.xes-standard.org\" xes.creator=\"Writ\">"
  print "\t<extension name=\"Concept\" prefix=\"concept\" uri=\"http://www.xes-standard.org/concept.xesext\"/>"
  print "\t<extension name=\"Time\" prefix=\"time\" uri=\"http://www.xes-standard.org/time.xesext\"/>"
  print "\t<extension name=\"Organizational\" prefix=\"org\" uri=\"http://www.xes-standard.org/org.xesext\"/>"
}
{ for (k = 0; k < $1; k++) { trace(number, $2 == "-" ? sprintf("%.3f", 12.5 + number * 31.415) : $2, $3); number++ } }
END { print "</log>" }
' <<'TABLE'
16 -          SAFRH
4  -          SABFRH
2  -          SAFRH=
3  -          SPFRH
2  -          SARH
8  -          SAFRH
1  1200000.00 SAFRH
1  -          SFKESAFRH
4  -          SJESAFRH
1  -          SAFURH
2  -          SFRH
1  -          SA=F=RH
1  -12.50     SAFRH
4  -          SABDRH
2  -          SAFKE
1  -          V
1  -          SAF!RH
1  -          SAFRM
5  -          VSAFRH
TABLE
