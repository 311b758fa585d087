"""Words too frequent to tell passages apart, folded like the text they are looked up for."""

from typing import Final

_PORTUGUESE: Final = """
a ao aos aquela aquelas aquele aqueles aquilo as ate com como da das de dela delas dele deles
depois do dos e ela elas ele eles em entre era eram essa essas esse esses esta estamos estao estas
este estes estou eu foi foram ha isso isto ja lhe lhes mais mas me mesmo meu meus minha minhas
muito na nao nas nem no nos nossa nossas nosso nossos num numa o onde os ou para pela pelas pelo
pelos por porque quais qual quando quanto quantos que quem sao se seja sem ser seu seus so sobre
sua suas tambem te tem teu teus tu tua tuas um uma umas uns voce voces vos
"""

_ENGLISH: Final = """
a about all am an and any are as at be been being both but by can could did do does each for from
had has have having he her here him his how i if in into is it its just me my no nor not of off on
or our ours out she should so t than that the their them then there these they this those through
to too until very was we were what when where which while who whom why will with would you your
"""

PORTUGUESE: Final = frozenset(_PORTUGUESE.split())
ENGLISH: Final = frozenset(_ENGLISH.split())
STOP_WORDS: Final = PORTUGUESE | ENGLISH
"""Both at once: Brazilians mix English product names and error messages into a sentence."""
