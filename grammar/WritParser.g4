// The grammar of Writ, part one. There are no separators between clauses and nothing is ended by a semicolon, so every
// list that is not in brackets has commas, no juxtaposition stands inside an expression, and clauses that could be
// taken for the end of what stands before them have a fixed order. compiler/parse/ambiguity_test.cc runs it with exact
// ambiguity detection over every policy in the tree. Rules are factored so that one word decides wherever that is
// possible: what is wrong is then found where it stands.
//
// Some things are taken here and refused by compiler/parse, because it can say more than "unexpected": `=` as a
// comparison, `not in`, chained comparisons, `and` beside `or`, clauses given twice, and what belongs to a later part
// of the language.
parser grammar WritParser;

options { tokenVocab = WritLexer; }

// That a package comes first is for compiler/parse to say.
file : declaration* EOF;

packageDecl : K_PACKAGE qualified;
importDecl  : K_IMPORT qualified (DOT LBRACE names COMMA? RBRACE)?;

declaration
  : enumDecl | recordDecl | typeDecl | domainDecl | priorityDecl | roleDecl | entityDecl | workflowDecl | defDecl
  | authorityDecl | ruleDecl | reviewDecl | logDecl | testDecl | scenarioDecl | packageDecl | importDecl
  ;

// ---------------------------------------------------------------- types and fields

enumDecl   : K_ENUM name LBRACE enumMember (enumNext)* COMMA? RBRACE;
enumNext   : (COMMA | LESS) enumMember;
enumMember : name (K_AS STRING)?;

recordDecl : K_RECORD name (K_LABEL names)? LBRACE (field COMMA?)* RBRACE;
typeDecl   : K_TYPE name ASSIGN type;

field      : name COLON type fieldEnd*;
fieldEnd   : K_LABEL name | foreign;
foreign    : K_FROM STRING foreignEnd*;
foreignEnd : K_IN K_ZONE STRING | K_IN name | K_ROUND name;

type       : name (LPAREN names RPAREN)? (LESS type GREATER)? typeEnd*;
typeEnd    : QUESTION | K_IN bound RANGE bound | K_MAX NUMBER | K_MIN NUMBER | K_BY name | K_PER name;
bound      : MINUS? (NUMBER | PERCENT | money | QUANTITY | DURATION | DATE | TIME);

// ---------------------------------------------------------------- domains and roles

domainDecl   : K_DOMAIN names;
priorityDecl : K_PRIORITY names (GREATER names)+;
roleDecl     : K_HUMAN? K_ROLE names roleEnd*;
roleEnd      : K_IN name | K_AS STRING;

// ---------------------------------------------------------------- entities and workflows

entityDecl : K_ENTITY name K_BY keyFields entityEnd* LBRACE entityItem* RBRACE;
entityEnd  : K_FRESH span | K_UNDER name (K_MAX NUMBER)?;
entityItem : defDecl | field;
keyFields  : field (COMMA field)*;

workflowDecl : K_WORKFLOW name K_BY keyFields LBRACE workflowItem* RBRACE;
workflowItem : defDecl | statesItem | finalItem | haltedItem | member;
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
              ;
setItem       : name QUESTION? (ASSIGN expr)?;

defDecl    : K_DEF name (LPAREN (parameter (COMMA parameter)*)? RPAREN)? (ARROW type)? ASSIGN expr;
parameter  : name COLON type;

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
           | K_THEN (K_TASK name COLON name K_DOES name (K_ON name)? ladder | name record)
           ;

ladder   : K_WITHIN span K_ELSE fallback;
fallback : K_ESCALATE name? K_TO name ladder | name;
span     : DURATION | name | LPAREN expr RPAREN;

reviewDecl  : K_REVIEW K_ON name K_IN name LBRACE reviewItem* RBRACE;
reviewItem  : panelItem | ladder | clause;
panelItem   : K_PANEL seat (COMMA seat)* K_BY name DOT name;
seat        : name (NUMBER K_OF NUMBER)?;
clause      : name COLON conclusion (K_IN name)? clauseGuard?;
conclusion  : K_ESCALATE name? K_TO name ladder | name;
clauseGuard : K_WHEN expr | K_OTHERWISE;

// ---------------------------------------------------------------- logs, tests, scenarios

logDecl : K_LOG name (K_FROM name)? LBRACE logItem* RBRACE;
logItem : name foreign (K_ABSENT STRING)?;

testDecl   : K_TEST STRING LBRACE step* RBRACE;
step       : atStep | waitStep | actorStep | setStep | answerStep | assumeStep | expectStep | proposal;
atStep     : K_AT (TIME | DATE);
waitStep   : K_WAIT span;
actorStep  : K_ACTOR actorRoles (COMMA actorRoles)*;
actorRoles : name COLON (name | LBRACE names COMMA? RBRACE);
setStep    : K_SET name keyValue (COMMA keyValue)* performer record?;
keyValue   : literal | name;
answerStep : (K_YES | K_NO) performer (K_ON name)?;
assumeStep : K_ASSUME K_STATE name (K_ON name)? record?;
expectStep : K_EXPECT expectation;
proposal   : stepName (name name)? (K_ON name)? performer record?;
performer  : K_BY name (K_AS name)?;

// A lone `denied` is an expression here; compiler/parse tells it from a condition.
expectation : K_NOT? K_STATE name (K_ON name)? because?
            | K_NOT? (K_ASKED | K_OBLIGED | K_TASK) name
            | K_CONFIDENCE PERCENT
            | K_NOT? proposal outcome because?
            | expr because?
            ;
outcome     : K_PERMITTED | K_DENIED | K_HELD | K_ESCALATED;
because     : K_BECAUSE K_ONLY? qualified (COMMA qualified)*;

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
           | name (LPAREN call? RPAREN | K_SAYS name)?
           | LPAREN expr RPAREN
           | record
           | LBRACE expr (COMMA expr)* COMMA? RBRACE
           | LBRACKET (expr (COMMA expr)* COMMA?)? RBRACKET
           ;

// Arguments, or one comprehension over a collection or over events.
call       : expr ((COMMA expr)+ | (K_FOR range)? callEnd*);
range      : name (K_THEN name)? K_IN expr | qualified;
callEnd    : K_BY names | K_WHERE expr | K_WITHIN span | K_SINCE event | K_MAX NUMBER;
event      : qualified | LPAREN qualified (K_BY names)? (K_WHERE expr)? RPAREN;

record     : LBRACE (recordItem COMMA?)* RBRACE;
recordItem : name COLON expr;

literal : K_TRUE | K_FALSE | NUMBER | SCALED | PERCENT | money | QUANTITY | DURATION | DATE | TIME | STRING;
money   : (NUMBER | SCALED) CURRENCY;

// ---------------------------------------------------------------- names

names     : name (COMMA name)*;
qualified : name (DOT name)*;

name : stepName | K_SET | K_YES | K_NO;

// A transition that a test may propose: not the words that begin another kind of step whatever follows.
stepName
  : ID
  | K_FRESH | K_STATES | K_WITH | K_FINAL | K_HALTED | K_SETS | K_AT | K_AS | K_FROM | K_MAY | K_UP | K_TO
  | K_CONSENT | K_UNTIL | K_OVERRIDES | K_PANEL | K_OF | K_OTHERWISE | K_ROUND | K_ZONE | K_LABEL | K_MAX | K_MIN
  | K_PER | K_ACTOR | K_WAIT | K_ASSUME | K_STATE | K_ASKED | K_OBLIGED | K_TASK | K_DOES | K_CONFIDENCE | K_ONLY
  | K_FOLLOWING | K_CASES | K_NOTHING | K_ABSENT | K_UNDER | K_SINCE | K_PERMITTED | K_DENIED | K_HELD | K_ESCALATED
  ;
