"""What people write about one person, and what is to be left of it once nobody can tell who it was.

The person is made up: numbers are computed, addresses are of example domains.
"""

from typing import Final

from core_api.modules.anonymisation.known import Known

PERSON: Final = Known(
    names=frozenset({"Maria da Conceição Prado Sá", "Maria da Conceição Lima"}),
    documents=frozenset({"52998224725"}),
    emails=frozenset({"maria.prado@example.com", "mcprado83@correio.example"}),
    phones=frozenset({"+5511987654321", "+551133334444", "+351211234567"}),
    ceps=frozenset({"01310-100"}),
    streets=frozenset({("Avenida Paulista", "1578"), ("Rua das Acácias", "")}),
    places=frozenset({"Bela Vista", "conj. 42"}),
    others=frozenset({"SGM-00123", "A-1020"}),
)

PLANTED: Final[tuple[tuple[str, str], ...]] = (
    # Names: whole, in parts, folded, run together, with initials, before and after marriage.
    ("Maria da Conceição Prado Sá ligou hoje.", "[nome] ligou hoje."),
    ("MARIA DA CONCEICAO PRADO SA pediu a segunda via.", "[nome] pediu a segunda via."),
    ("maria conceicao prado sa não atende", "[nome] não atende"),
    ("Falei com a Maria ontem.", "Falei com a [nome] ontem."),
    ("A sra. Prado voltou.", "A sra. [nome] voltou."),
    ("Dona Conceição está aguardando.", "Dona [nome] está aguardando."),
    ("Dona Conceição está aguardando.", "Dona [nome] está aguardando."),
    ("O pedido é da M. Prado, retornar.", "O pedido é da [nome], retornar."),
    ("Prado Sá, Maria da Conceição", "[nome], [nome]"),
    ("Assinado: Maria Lima", "Assinado: [nome]"),
    ("usuário mariaprado sem acesso", "usuário [nome] sem acesso"),
    ("arquivo maria_prado_contrato.pdf", "arquivo [nome]_contrato.pdf"),
    ("Maria-Prado ou MARIA PRADO", "[nome] ou [nome]"),
    ("Ｍａｒｉａ Ｐｒａｄｏ escreveu em letras largas", "[nome] escreveu em letras largas"),
    ("Ma\u200bria tem caractere invisível", "[nome] tem caractere invisível"),
    ("Conceic\u0327a\u0303o decomposta", "[nome] decomposta"),
    ("(Maria)", "([nome])"),
    ("Maria's ticket", "[nome]'s ticket"),
    ("#maria", "#[nome]"),
    # Words that only begin or end as a name does stay.
    ("Marianne e o prado-verde do pradoso", "Marianne e o [nome]-verde do pradoso"),
    ("Limão, limar e limeira", "Limão, limar e limeira"),
    ("O sapato e a conta de luz", "O sapato e a conta de luz"),
    # CPF.
    ("CPF 529.982.247-25 confere", "CPF [cpf] confere"),
    ("cpf:52998224725", "cpf:[cpf]"),
    ("529 982 247 25", "[cpf]"),
    ("529.982.247/25", "[cpf]"),
    ("5 2 9 9 8 2 2 4 7 2 5", "[cpf]"),
    ("CPF 529.982.247–25 com travessão", "CPF [cpf] com travessão"),
    ("CPF ５２９.９８２.２４７-２５ de outro teclado", "CPF [cpf] de outro teclado"),
    ("O marido tem CPF 111.444.777-35.", "O marido tem CPF [cpf]."),
    ("111.111.111-11 não é de ninguém", "111.111.111-11 não é de ninguém"),
    ("O CPF 529.982.247-26 não existe", "O CPF 529.982.247-26 não existe"),
    # CNPJ, of digits and alphanumeric.
    ("Empresa 11.222.333/0001-81 paga", "Empresa [cnpj] paga"),
    ("CNPJ 11222333000181", "CNPJ [cnpj]"),
    ("CNPJ 12.ABC.345/01DE-35 novo", "CNPJ [cnpj] novo"),
    ("cnpj 12abc34501de35", "cnpj [cnpj]"),
    ("11.222.333/0001-82 tem dígito errado", "11.222.333/0001-82 tem dígito errado"),
    # Phones.
    ("Ligar para (11) 98765-4321.", "Ligar para [telefone]."),
    ("+55 11 98765-4321", "[telefone]"),
    ("5511987654321", "[telefone]"),
    ("011 98765 4321", "[telefone]"),
    ("0 21 11 98765-4321 pela operadora", "[telefone] pela operadora"),
    ("11.98765.4321", "[telefone]"),
    ("zap 98765-4321", "zap [telefone]"),
    ("tel 8765-4321 sem o nono dígito", "tel [telefone] sem o nono dígito"),
    ("fixo 3333-4444", "fixo [telefone]"),
    ("(11)33334444", "[telefone]"),
    ("em Lisboa: +351 21 123 4567", "em Lisboa: [telefone]"),
    ("em Lisboa: 00351 211234567", "em Lisboa: [telefone]"),
    ("o vizinho atende no (21) 99876-5432", "o vizinho atende no [telefone]"),
    ("recado no 99123-4567", "recado no [telefone]"),
    # Numbers that are no phones stay.
    ("Protocolo 2026000123 de 21/11/2026 10:30", "Protocolo 2026000123 de 21/11/2026 10:30"),
    ("Vigência 2024-2026, parcela 3/12", "Vigência 2024-2026, parcela 3/12"),
    ("R$ 1.234,56 em 12 vezes", "R$ 1.234,56 em 12 vezes"),
    # E-mails.
    ("maria.prado@example.com", "[e-mail]"),
    ("Maria.Prado@EXAMPLE.com", "[e-mail]"),
    ("<maria.prado@example.com>, responder", "<[e-mail]>, responder"),
    ("maria.prado (arroba) example ponto com", "[e-mail]"),
    ("maria.prado [at] example.com", "[e-mail]"),
    ("login mcprado83 bloqueado", "login [e-mail] bloqueado"),
    ("cópia para joao+teste@sub.dominio.gov.br hoje", "cópia para [e-mail] hoje"),
    ("preço @ 10 reais", "preço @ 10 reais"),
    # CEP and address.
    ("CEP 01310-100", "CEP [cep]"),
    ("cep: 01310100", "cep: [cep]"),
    ("CEP 01.310-100", "CEP [cep]"),
    ("outro CEP 80010-000", "outro CEP [cep]"),
    ("Mora na Avenida Paulista, 1578.", "Mora na [endereço]."),
    ("mora na av. paulista nº 1578, bela vista", "mora na [endereço], [endereço]"),
    ("Entregar na R. das Acácias", "Entregar na [endereço]"),
    ("conj. 42, fundos", "[endereço], fundos"),
    # Numbers of other systems.
    ("cadastro SGM-00123 duplicado", "cadastro [identificador] duplicado"),
    ("matrícula a-1020 ativa", "matrícula [identificador] ativa"),
    # All at once.
    (
        "Maria Prado (CPF 529.982.247-25, tel. 11 98765-4321) mudou para o CEP 01310-100.",
        "[nome] (CPF [cpf], tel. [telefone]) mudou para o CEP [cep].",
    ),
    ("Nada a declarar.", "Nada a declarar."),
    ("", ""),
)
