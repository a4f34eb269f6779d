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
TIME     : DATE_PART 'T' DIGIT DIGIT ':' DIGIT DIGIT (':' DIGIT DIGIT)? 'Z';
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

fragment DIGIT     : [0-9];
fragment DECIMAL   : DIGIT [0-9_]* ('.' DIGIT [0-9_]*)?;
fragment DATE_PART : DIGIT DIGIT DIGIT DIGIT '-' DIGIT DIGIT '-' DIGIT DIGIT;
