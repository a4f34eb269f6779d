// The grammar of Writ. There are no separators between clauses and nothing is ended by a semicolon, so every
// list that is not in brackets has commas, no juxtaposition stands inside an expression, and clauses that could be
// taken for the end of what stands before them have a fixed order. compiler/parse/ambiguity_test.cc runs it with exact
// ambiguity detection over every policy in the tree. Rules are factored so that one word decides wherever that is
// possible: what is wrong is then found where it stands.
//
// Some things are taken here and refused by compiler/parse, because it can say more than "unexpected": `=` as a
// comparison, `not in`, chained comparisons, `and` beside `or`, clauses given twice, rows of a table that are too long.
parser grammar WritParser;

options { tokenVocab = WritLexer; }

// That a package comes first is for compiler/parse to say.
file : declaration* EOF;

packageDecl : K_PACKAGE qualified;
importDecl  : K_IMPORT qualified (DOT LBRACE names COMMA? RBRACE)?;

declaration
  : K_PRIVATE? (
      enumDecl | recordDecl | typeDecl | unitDecl | tableDecl | calendarDecl | obligationDecl | actorDecl
    | domainDecl | priorityDecl | roleDecl | clearanceDecl | entityDecl | workflowDecl | defDecl | factDecl
    | authorityDecl | ruleDecl | reviewDecl | decomposeDecl | confidenceDecl | divergenceDecl | contextDecl
    | templateDecl | applyDecl | propertyDecl | logDecl | testDecl | scenarioDecl | packageDecl | importDecl
    )
  ;

// ---------------------------------------------------------------- types and fields

enumDecl   : K_ENUM name LBRACE enumMember (enumNext)* COMMA? RBRACE;
enumNext   : (COMMA | LESS) enumMember;
enumMember : name (K_AS STRING)?;

recordDecl : K_RECORD name (K_LABEL names)? LBRACE (field COMMA?)* RBRACE;
typeDecl   : K_TYPE name ASSIGN type;

obligationDecl : K_OBLIGATION name LBRACE (field COMMA?)* RBRACE;
actorDecl      : K_ACTOR LBRACE (field COMMA?)* RBRACE;
unitDecl       : K_UNIT name NUMBER?;

field      : name COLON type fieldEnd*;
fieldEnd   : K_LABEL name | foreign;
foreign    : K_FROM STRING foreignEnd*;
foreignEnd : K_IN K_ZONE STRING | K_IN name | K_ROUND name;

type       : name (LPAREN names RPAREN)? (LESS type GREATER)? typeEnd*;
typeEnd    : QUESTION | K_IN bound RANGE bound | K_MAX NUMBER | K_MIN NUMBER | K_BY name | K_PER name;
bound      : MINUS? (NUMBER | PERCENT | money | QUANTITY | DURATION | DATE | TIME);

// ---------------------------------------------------------------- tables and calendars

// A grid has no signs in it: compiler/parse takes its lines for rows.
tableDecl : K_TABLE name LPAREN parameter (COMMA parameter)* RPAREN ARROW type LBRACE tableItem* RBRACE;
tableItem : pattern ((COMMA pattern)* COLON cell)?;
pattern   : cell (RANGE bound)? | (LESS | AT_MOST | GREATER | AT_LEAST) bound;
cell      : bound | K_TRUE | K_FALSE | STRING | name | LPAREN expr RPAREN;

calendarDecl : K_CALENDAR name LBRACE calendarItem* RBRACE;
calendarItem : K_ZONE STRING
             | K_OPEN days (COMMA days)* hours (COMMA hours)*
             | K_CLOSED period (COMMA period)*
             | K_WINDOW name period (COMMA period)*
             ;
days         : name (RANGE name)?;
hours        : clock RANGE clock;
clock        : NUMBER COLON NUMBER;
period       : instant (RANGE instant)?;
instant      : DATE | TIME | LOCAL;

// ---------------------------------------------------------------- domains and roles

domainDecl   : K_DOMAIN names (K_FOR qualified (COMMA qualified)*)?;
priorityDecl : K_PRIORITY names (GREATER names)+;
roleDecl     : K_HUMAN? K_ROLE names roleEnd*;
roleEnd      : K_IN name | K_AS STRING;
clearanceDecl: K_CLEARANCE names LBRACE names COMMA? RBRACE;

// ---------------------------------------------------------------- entities and workflows

entityDecl : K_ENTITY name K_BY keyFields entityEnd* LBRACE entityItem* RBRACE;
entityEnd  : K_FRESH span | K_UNDER name (K_MAX NUMBER)?;
entityItem : defDecl | field;
keyFields  : field (COMMA field)*;

workflowDecl : K_WORKFLOW name K_BY keyFields LBRACE workflowItem* RBRACE;
workflowItem : defDecl | factDecl | statesItem | finalItem | haltedItem | member;
statesItem   : K_STATES stateDecl (COMMA stateDecl)*;
stateDecl    : name (K_WITH LBRACE names COMMA? RBRACE)?;
finalItem    : K_FINAL names;
haltedItem   : K_HALTED names;

// A field or a transition: the first name after the colon may be either's, and what follows it tells.
member        : name COLON memberBody;
memberBody    : ARROW name transitionEnd*
              | K_IN names transitionEnd*
              | type ((COMMA name)* ARROW name transitionEnd* | fieldEnd*)
              ;
transitionEnd : K_SETS setItem (COMMA setItem)*
              | LBRACE (field COMMA?)* RBRACE
              | K_AS STRING
              | K_AT name
              | K_ENDORSES names
              | K_DECLASSIFIES names
              ;
setItem       : name QUESTION? (ASSIGN expr)?;

defDecl    : K_DEF name (LPAREN (parameter (COMMA parameter)*)? RPAREN)? (ARROW type)? ASSIGN expr;
parameter  : name COLON type;
factDecl   : K_FACT name (K_PER qualified (COMMA qualified)*)? (ARROW type)? ASSIGN expr;

// ---------------------------------------------------------------- authority, rules, reviews

authorityDecl : K_AUTHORITY names LBRACE may* RBRACE;
may           : K_MAY (K_CONSENT K_TO)? names K_ON name mayEnd*;
mayEnd        : K_UP K_TO limit (COMMA limit)* | K_WHEN expr;
limit         : name (bound | LPAREN expr RPAREN);

ruleDecl   : K_RULE name (K_IN name)? ruleEffect names K_ON name ruleScope* ruleUntil? ladder? ruleEnd*;
ruleEffect : K_ESCALATE | name;
ruleScope  : K_BY names | K_TO name;
ruleUntil  : K_UNTIL name (K_BY names)?;
ruleEnd    : K_WHEN expr
           | K_UNLESS expr
           | K_BECAUSE STRING
           | K_OVERRIDES qualified (COMMA qualified)*
           | K_THEN duty
           ;
duty       : K_TASK name COLON name K_DOES names (K_ON name)? ladder | K_NOTIFY names | name (K_TO names)? record?;

ladder   : K_WITHIN span K_ELSE fallback;
fallback : K_ESCALATE name? K_TO name ladder | K_ASK name ladder | name;
span     : DURATION | name | LPAREN expr RPAREN;

reviewDecl  : K_REVIEW K_ON name K_IN name LBRACE reviewItem* RBRACE;
reviewItem  : panelItem | ladder | jointItem | clause;
jointItem   : K_JOINT names;
panelItem   : K_PANEL seat (COMMA seat)* K_BY name DOT name;
seat        : name (NUMBER K_OF NUMBER)?;
clause      : name COLON conclusion (K_IN name)? clauseGuard?;
conclusion  : K_ESCALATE name? K_TO name ladder | name;
clauseGuard : K_WHEN expr | K_OTHERWISE;

// ---------------------------------------------------------------- decomposition

decomposeDecl : K_DECOMPOSE K_ON name LBRACE decomposeItem* RBRACE;
decomposeItem : planItem | additionItem | subItem | underItem | boundsItem | finallyItem;
planItem      : K_PLAN LBRACE plannedTask* RBRACE;
additionItem  : (K_MAY | K_MUST) K_ADD plannedTask;
plannedTask   : name COLON name (K_DOES names)? (K_ON name)? taskEnd*;
taskEnd       : K_FOR name K_IN expr (K_WHERE expr)?
              | K_AFTER names
              | K_HOLDS names
              | K_NEEDS STRING (COMMA STRING)*
              | K_WHEN expr
              | ladder
              ;
subItem       : K_SUB name K_AMONG names (K_GRANTING names (K_UP K_TO limit (COMMA limit)*)? (K_WITHIN span)?)?;
underItem     : K_UNDER name LBRACE ruleDecl* RBRACE;
boundsItem    : K_BOUNDS limit (COMMA limit)*;
finallyItem   : K_FINALLY name (K_WHEN expr)?;

// ---------------------------------------------------------------- confidence, divergence, context

confidenceDecl : K_CONFIDENCE K_ON name LBRACE confidenceItem* RBRACE;
confidenceItem : K_WEAKEST K_OF names
               | K_INDEPENDENT (K_ACROSS name)?
               | K_CALIBRATE names LBRACE bin (COMMA bin)* COMMA? RBRACE
               | name basis (COMMA basis)*
               ;
basis          : (name | NUMBER) K_OF qualified;
bin            : PERCENT COLON PERCENT;

divergenceDecl : K_DIVERGENCE name K_VS name K_ON name K_OF name (K_PER qualified (COMMA qualified)*)?
                 LBRACE divergenceItem* RBRACE;
divergenceItem : K_BASELINE PERCENT (K_MARGIN PERCENT)? | K_ALARM K_ONCE K_PER NUMBER | K_NOTIFY names;

contextDecl : K_CONTEXT name K_ON name LBRACE contextItem* RBRACE;
contextItem : (K_INCLUDE | K_EXCLUDE | K_REDACT | K_REQUIRES) route (K_WHEN expr)?
            | K_BARRIER route (K_UNTIL K_OWN K_VERDICT)? (K_WHEN expr)?
            | K_BUDGET NUMBER K_TOKENS COMMA overflow
            ;
route       : (K_VERDICTS | K_EVENTS) K_OF names (K_WITHIN span)? | qualified (COMMA qualified)*;
overflow    : K_DROP name | K_REFUSE | K_ESCALATE K_TO name ladder?;

// ---------------------------------------------------------------- templates

templateDecl      : K_TEMPLATE name LPAREN (templateParameter (COMMA templateParameter)*)? RPAREN (K_ON name)?
                    (K_IN name)? LBRACE declaration* RBRACE;
templateParameter : name COLON type (ASSIGN expr)?;
applyDecl         : K_APPLY (name COLON)? qualified LPAREN (argument (COMMA argument)*)? RPAREN (K_ON name)?
                    (K_IN name)?;
argument          : name COLON (expr | ladder);

// ---------------------------------------------------------------- properties

propertyDecl : K_PROPERTY STRING LBRACE propertyItem* RBRACE;
propertyItem : K_NEVER names (K_BY names)? K_ON name (K_WHEN expr)?
             | K_NEVER name K_CHANGES K_ON name (K_WHEN expr)?
             | K_ALWAYS expr (K_ON name)? (K_WHEN expr)?
             | K_WITHIN span K_OF event (K_ON name)? COLON qualified (K_OR qualified)*
             ;

// ---------------------------------------------------------------- logs, tests, scenarios

logDecl : K_LOG name (K_FROM name)? LBRACE logItem* RBRACE;
logItem : name foreign (K_ABSENT STRING)?;

testDecl   : K_TEST STRING LBRACE step* RBRACE;
step       : atStep | waitStep | actorStep | setStep | answerStep | assumeStep | expectStep | proposal;
atStep     : K_AT (TIME | DATE);
waitStep   : K_WAIT span;
actorStep  : K_ACTOR actorRoles (COMMA actorRoles)*;
actorRoles : name COLON (name | LBRACE names COMMA? RBRACE) record?;
setStep    : K_SET name keyValue (COMMA keyValue)* performer record?;
keyValue   : literal | name;
answerStep : (K_YES | K_NO) performer (K_ON name)?;
assumeStep : K_ASSUME K_STATE name (K_ON name)? record?;
expectStep : K_EXPECT expectation;
proposal   : stepName (name name)? (K_ON name)? performer record?;
performer  : K_BY name (K_AS name)? (K_UNDER name)?;

// A lone `denied` is an expression here; compiler/parse tells it from a condition.
expectation : K_NOT? K_STATE name (K_ON name)? because?
            | K_NOT? K_ASKED name
            | K_NOT? K_TASK name (K_FOR name)?
            | K_NOT? K_OBLIGED name record?
            | K_CONFIDENCE PERCENT (RANGE PERCENT)?
            | K_NOT? proposal outcome because?
            | expr because?
            ;
outcome     : K_PERMITTED | K_DENIED | K_HELD | K_ESCALATED;
because     : K_BECAUSE K_ONLY? reason (COMMA reason)*;
reason      : name (DOT (name | K_ELSE))*;

scenarioDecl : K_SCENARIO STRING K_FROM STRING (K_FOLLOWING K_RECORD)? (K_ON name)? LBRACE scenarioItem* RBRACE;
scenarioItem : K_EXPECT (NUMBER K_CASES outcome because? | K_NOTHING K_ELSE outcome);

// ---------------------------------------------------------------- expressions, loosest first

expr       : K_IF expr K_THEN expr K_ELSE expr | disjunction;
disjunction: conjunction (K_OR conjunction)*;
conjunction: negation (K_AND negation)*;
negation   : K_NOT negation | comparison;
comparison : coalesce (comparator coalesce)*;
comparator : EQUAL | NOT_EQUAL | LESS | AT_MOST | GREATER | AT_LEAST | ASSIGN
           | K_IN | K_IS | K_LIKE | K_MATCHES | K_UNDER | K_NOT K_IN;
coalesce   : sum (COALESCE sum)*;
sum        : product ((PLUS | MINUS) product)*;
product    : unary ((TIMES | DIVIDE) unary)*;
unary      : (MINUS | K_HAS) unary | postfix;
postfix    : primary suffix*;
suffix     : DOT name (LPAREN call? RPAREN)? | LBRACKET expr (COMMA expr)* RBRACKET;
primary    : literal
           | K_THIS
           | name (LPAREN call? RPAREN | K_SAYS name | K_OF LPAREN expr (COMMA expr)* RPAREN)?
           | NUMBER K_OF LPAREN expr (COMMA expr)* RPAREN
           | LPAREN expr RPAREN
           | record
           | LBRACE expr (COMMA expr)* COMMA? RBRACE
           | LBRACKET (expr (COMMA expr)* COMMA?)? RBRACKET
           ;

// Arguments, or one comprehension over a collection or over events, or who is where.
call       : expr ((COMMA expr)+ | (K_FOR range)? callEnd*) | qualified K_NOW K_IN names (K_OF qualified)?;
range      : name (K_THEN name)? K_IN expr | qualified;
callEnd    : K_BY names | K_WHERE expr | K_WITHIN span | K_SINCE event | K_MAX NUMBER;
event      : qualified | LPAREN qualified (K_BY names)? (K_WHERE expr)? RPAREN;

record     : LBRACE (recordItem COMMA?)* RBRACE;
recordItem : name COLON expr;

literal : K_TRUE | K_FALSE | NUMBER | SCALED | PERCENT | money | QUANTITY | DURATION | DATE | TIME | LOCAL
        | STRING;
money   : (NUMBER | SCALED) CURRENCY;

// ---------------------------------------------------------------- names

names     : name (COMMA name)*;
qualified : name (DOT name)*;

name : stepName | K_SET | K_YES | K_NO | K_UNDER;

// A transition that a test may propose: not the words that begin another kind of step whatever follows.
stepName
  : ID
  | K_FRESH | K_STATES | K_WITH | K_FINAL | K_HALTED | K_SETS | K_AT | K_AS | K_FROM | K_MAY | K_UP | K_TO
  | K_CONSENT | K_UNTIL | K_OVERRIDES | K_PANEL | K_OF | K_OTHERWISE | K_ROUND | K_ZONE | K_LABEL | K_MAX | K_MIN
  | K_PER | K_ACTOR | K_WAIT | K_ASSUME | K_STATE | K_ASKED | K_OBLIGED | K_TASK | K_DOES | K_CONFIDENCE | K_ONLY
  | K_FOLLOWING | K_CASES | K_NOTHING | K_ABSENT | K_SINCE | K_NOW | K_OPEN | K_CLOSED | K_WINDOW | K_ENDORSES
  | K_DECLASSIFIES | K_ASK | K_JOINT | K_PLAN | K_ADD | K_MUST | K_SUB | K_AMONG | K_GRANTING | K_BOUNDS | K_FINALLY
  | K_AFTER | K_HOLDS | K_NEEDS | K_WEAKEST | K_INDEPENDENT | K_ACROSS | K_CALIBRATE | K_VS | K_BASELINE | K_MARGIN
  | K_ALARM | K_ONCE | K_NOTIFY | K_INCLUDE | K_EXCLUDE | K_REDACT | K_REQUIRES | K_BARRIER | K_VERDICTS | K_EVENTS
  | K_OWN | K_VERDICT | K_BUDGET | K_TOKENS | K_DROP | K_REFUSE | K_NEVER | K_ALWAYS | K_CHANGES | K_PERMITTED
  | K_DENIED | K_HELD | K_ESCALATED
  ;
