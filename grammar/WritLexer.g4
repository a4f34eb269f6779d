// The words and signs of Writ. Where a text can be cut in two ways the longer word wins, then the rule that stands
// first.
//
// Reserved words cannot be names; contextual words are words of the language only where the grammar asks for them, and
// names elsewhere (rule `name` of WritParser.g4). What no rule below knows becomes a STRAY, so that the lexer itself
// never fails: compiler/parse says what is wrong with it and what to write instead.
lexer grammar WritLexer;

channels { DOCS }

// ---------------------------------------------------------------- reserved words (docs/language lists them)
K_AND : 'and';
K_OR : 'or';
K_NOT : 'not';
K_IN : 'in';
K_HAS : 'has';
K_IS : 'is';
K_IF : 'if';
K_THEN : 'then';
K_ELSE : 'else';
K_WHEN : 'when';
K_UNLESS : 'unless';
K_WHERE : 'where';
K_WITHIN : 'within';
K_FOR : 'for';
K_BY : 'by';
K_ON : 'on';
K_TRUE : 'true';
K_FALSE : 'false';
K_THIS : 'this';
K_SAYS : 'says';
K_BECAUSE : 'because';
K_ESCALATE : 'escalate';
K_LIKE : 'like';
K_MATCHES : 'matches';
K_DEF : 'def';
K_EXPECT : 'expect';

// ---------------------------------------------------------------- words that begin a declaration
// compiler/parse turns each into an ID wherever it cannot begin one, so that a broken line never swallows the
// declaration below it, and fields and transitions may bear these names all the same.
K_PACKAGE : 'package';
K_IMPORT : 'import';
K_ENUM : 'enum';
K_RECORD : 'record';
K_TYPE : 'type';
K_DOMAIN : 'domain';
K_PRIORITY : 'priority';
K_HUMAN : 'human';
K_ROLE : 'role';
K_ENTITY : 'entity';
K_WORKFLOW : 'workflow';
K_AUTHORITY : 'authority';
K_RULE : 'rule';
K_REVIEW : 'review';
K_LOG : 'log';
K_TEST : 'test';
K_SCENARIO : 'scenario';
K_PRIVATE : 'private';
K_UNIT : 'unit';
K_TABLE : 'table';
K_CALENDAR : 'calendar';
K_OBLIGATION : 'obligation';
K_FACT : 'fact';
K_DECOMPOSE : 'decompose';
K_CLEARANCE : 'clearance';
K_DIVERGENCE : 'divergence';
K_CONTEXT : 'context';
K_PROPERTY : 'property';
K_TEMPLATE : 'template';
K_APPLY : 'apply';

// ---------------------------------------------------------------- contextual words
K_FRESH : 'fresh';
K_STATES : 'states';
K_WITH : 'with';
K_FINAL : 'final';
K_HALTED : 'halted';
K_SETS : 'sets';
K_AT : 'at';
K_AS : 'as';
K_FROM : 'from';
K_MAY : 'may';
K_UP : 'up';
K_TO : 'to';
K_CONSENT : 'consent';
K_UNTIL : 'until';
K_OVERRIDES : 'overrides';
K_PANEL : 'panel';
K_OF : 'of';
K_OTHERWISE : 'otherwise';
K_ROUND : 'round';
K_ZONE : 'zone';
K_LABEL : 'label';
K_MAX : 'max';
K_MIN : 'min';
K_PER : 'per';
K_ACTOR : 'actor';
K_SET : 'set';
K_WAIT : 'wait';
K_YES : 'yes';
K_NO : 'no';
K_ASSUME : 'assume';
K_STATE : 'state';
K_ASKED : 'asked';
K_OBLIGED : 'obliged';
K_TASK : 'task';
K_DOES : 'does';
K_CONFIDENCE : 'confidence';
K_ONLY : 'only';
K_FOLLOWING : 'following';
K_CASES : 'cases';
K_NOTHING : 'nothing';
K_ABSENT : 'absent';
K_UNDER : 'under';
K_SINCE : 'since';
K_NOW : 'now';
K_OPEN : 'open';
K_CLOSED : 'closed';
K_WINDOW : 'window';
K_ENDORSES : 'endorses';
K_DECLASSIFIES : 'declassifies';
K_ASK : 'ask';
K_JOINT : 'joint';
K_PLAN : 'plan';
K_ADD : 'add';
K_MUST : 'must';
K_SUB : 'sub';
K_AMONG : 'among';
K_GRANTING : 'granting';
K_BOUNDS : 'bounds';
K_FINALLY : 'finally';
K_AFTER : 'after';
K_HOLDS : 'holds';
K_NEEDS : 'needs';
K_WEAKEST : 'weakest';
K_INDEPENDENT : 'independent';
K_ACROSS : 'across';
K_CALIBRATE : 'calibrate';
K_VS : 'vs';
K_BASELINE : 'baseline';
K_MARGIN : 'margin';
K_ALARM : 'alarm';
K_ONCE : 'once';
K_NOTIFY : 'notify';
K_INCLUDE : 'include';
K_EXCLUDE : 'exclude';
K_REDACT : 'redact';
K_REQUIRES : 'requires';
K_BARRIER : 'barrier';
K_VERDICTS : 'verdicts';
K_EVENTS : 'events';
K_OWN : 'own';
K_VERDICT : 'verdict';
K_BUDGET : 'budget';
K_TOKENS : 'tokens';
K_DROP : 'drop';
K_REFUSE : 'refuse';
K_NEVER : 'never';
K_ALWAYS : 'always';
K_CHANGES : 'changes';
K_PERMITTED : 'permitted';
K_DENIED : 'denied';
K_HELD : 'held';
K_ESCALATED : 'escalated';

// ---------------------------------------------------------------- signs
ARROW     : '->';
RANGE     : '..';
COALESCE  : '??';
EQUAL     : '==';
NOT_EQUAL : '!=';
AT_MOST   : '<=';
AT_LEAST  : '>=';
LESS      : '<';
GREATER   : '>';
ASSIGN    : '=';
PLUS      : '+';
MINUS     : '-';
TIMES     : '*';
DIVIDE    : '/';
DOT       : '.';
COMMA     : ',';
COLON     : ':';
QUESTION  : '?';
LPAREN    : '(';
RPAREN    : ')';
LBRACKET  : '[';
RBRACKET  : ']';
LBRACE    : '{';
RBRACE    : '}';

// ---------------------------------------------------------------- values: a unit is fused with its number
TIME     : DATE_PART CLOCK_PART 'Z';
LOCAL    : DATE_PART CLOCK_PART;                // of a calendar's zone
DATE     : DATE_PART;
PERCENT  : DECIMAL '%';
DURATION : (DIGIT [0-9_]* ('ns' | 'us' | 'ms' | 's' | 'min' | 'h' | 'd' | 'w'))+;
SCALED   : DECIMAL [kMB];                       // 2.4M, of money
NUMBER   : DECIMAL;                             // before QUANTITY: 1_000 is no 1 of unit _000
QUANTITY : DECIMAL [a-zA-Z_] [a-zA-Z0-9_]*;     // 2.5mg, of a declared unit
STRING   : '"' (~["\\\r\n] | '\\' ~[\r\n])* '"';

ID : [a-zA-Z_] [a-zA-Z0-9_]*;

// Never made here: compiler/parse turns three capitals that follow a number on its line into one, so that `1M USD` is
// one value and a declaration after a number is not its currency.
CURRENCY : '\uE000';

// ---------------------------------------------------------------- what is not part of the text
DOC        : '///' ~[\r\n]* -> channel(DOCS);
COMMENT    : '//' ~[\r\n]* -> channel(HIDDEN);
WHITESPACE : [ \t\r\n]+ -> skip;
BOM        : '\uFEFF' -> skip;

// ---------------------------------------------------------------- what other languages write
SEMICOLON       : ';';
AND_SIGN        : '&&' | '&';
OR_SIGN         : '||' | '|';
NOT_SIGN        : '!';
UNEQUAL_SIGN    : '<>' | '!==' | '=/=';
EQUAL_SIGN      : '===';
AT_MOST_SIGN    : '=<';
FAT_ARROW       : '=>';
DEFINE_SIGN     : ':=';
QUOTED          : '\'' (~['\\\r\n] | '\\' ~[\r\n])* '\'';
BLOCK_COMMENT   : '/*' .*? ('*/' | EOF);
UNCLOSED_STRING : '"' (~["\\\r\n] | '\\' ~[\r\n])* '\\'?;
STRAY           : .;

fragment DIGIT      : [0-9];
fragment DECIMAL    : DIGIT [0-9_]* ('.' DIGIT [0-9_]*)?;
fragment DATE_PART  : DIGIT DIGIT DIGIT DIGIT '-' DIGIT DIGIT '-' DIGIT DIGIT;
fragment CLOCK_PART : 'T' DIGIT DIGIT ':' DIGIT DIGIT (':' DIGIT DIGIT)?;
