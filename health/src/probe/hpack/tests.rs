//! The examples of RFC 7541 appendix C, and blocks that no encoder makes.

use proptest::prelude::*;

use super::*;

/// Bytes from their digits, spaces left out.
fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .bytes()
        .filter(u8::is_ascii_hexdigit)
        .map(|digit| char::from(digit).to_digit(16).unwrap() as u8)
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn fields(text: &[(&str, &str)]) -> Vec<Field> {
    text.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

/// A block, its fields, and what is in the table behind it: its weight and its fields.
type Example<'a> = (&'a str, &'a [(&'a str, &'a str)], usize, &'a [(&'a str, &'a str)]);

fn follow(table_bytes: usize, examples: &[Example<'_>]) {
    let mut decoder = Decoder::new(table_bytes);
    for (block, list, weight, table) in examples {
        assert_eq!(decoder.decode(&bytes(block)), Ok(fields(list)), "{block}");
        let table = fields(table);
        assert_eq!(decoder.table.contents(), (*weight, table.iter().collect()), "{block}");
    }
}

#[test]
fn c1_integers() {
    for (digits, prefix_bits, value) in [("0a", 5, 10), ("1f9a0a", 5, 1337), ("2a", 8, 42)] {
        assert_eq!(Reader(&bytes(digits)).integer(prefix_bits), Ok(value));
        let mut encoded = Vec::new();
        encode::integer(&mut encoded, 0, prefix_bits, value);
        assert_eq!(encoded, bytes(digits));
    }
    let cut_or_large = ["", "1f", "1f9a", "1fffffffff01", "1f8080808001"];
    assert!(cut_or_large.iter().all(|digits| Reader(&bytes(digits)).integer(5).is_err()));
}

#[test]
fn c2_each_form_of_a_field() {
    let custom = [("custom-key", "custom-header")];
    follow(
        4096,
        &[("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", &custom, 55, &custom)],
    );
    follow(4096, &[("040c 2f73 616d 706c 652f 7061 7468", &[(":path", "/sample/path")], 0, &[])]);
    follow(4096, &[("1008 7061 7373 776f 7264 0673 6563 7265 74", &[("password", "secret")], 0, &[])]);
    follow(4096, &[("82", &[(":method", "GET")], 0, &[])]);
}

#[test]
fn c3_and_c4_requests_without_and_with_huffman_coding() {
    let get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
    let no_cache = [get[0], get[1], get[2], get[3], ("cache-control", "no-cache")];
    let custom =
        [get[0], (":scheme", "https"), (":path", "/index.html"), get[3], ("custom-key", "custom-value")];
    let tables = [
        &[get[3]][..],
        &[("cache-control", "no-cache"), get[3]],
        &[("custom-key", "custom-value"), ("cache-control", "no-cache"), get[3]],
    ];
    for [one, two, three] in [
        [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ],
        [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ],
    ] {
        follow(
            4096,
            &[(one, &get, 57, tables[0]), (two, &no_cache, 110, tables[1]), (three, &custom, 164, tables[2])],
        );
    }
}

#[test]
fn c5_and_c6_responses_without_and_with_huffman_coding_in_a_table_of_256_bytes() {
    let [status, private, date, location] = [
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ];
    let first = [status, private, date, location];
    let second = [(":status", "307"), private, date, location];
    let later = ("date", "Mon, 21 Oct 2013 20:13:22 GMT");
    let cookie = ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1");
    let third = [(":status", "200"), private, later, location, ("content-encoding", "gzip"), cookie];
    for [one, two, three] in [
        [
            "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 \
             474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "4803 3330 37c1 c0bf",
            "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 \
             666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 \
             3630 303b 2076 6572 7369 6f6e 3d31",
        ],
        [
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 \
             63c7 8f0b 97c8 e9ae 82ae 43d3",
            "4883 640e ffc1 c0bf",
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 \
             b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        ],
    ] {
        follow(
            256,
            &[
                (one, &first, 222, &[location, date, private, status]),
                (two, &second, 222, &[(":status", "307"), location, date, private]),
                (three, &third, 215, &[cookie, ("content-encoding", "gzip"), later]),
            ],
        );
    }
}

#[test]
fn a_table_is_resized_within_its_limit_and_before_the_first_field_only() {
    let mut decoder = Decoder::new(4096);
    let custom = bytes("4001 6101 62");
    assert_eq!(
        decoder.decode(&[&bytes("3fe11f")[..], &custom].concat()),
        Ok(fields(&[("a", "b")])),
        "to 4096"
    );
    assert_eq!(decoder.decode(&[0xbe]), Ok(fields(&[("a", "b")])));
    assert_eq!(decoder.decode(&bytes("20 3fe11f")), Ok(vec![]), "to 0 and back");
    assert_eq!(decoder.decode(&[0xbe]), Err(Malformed), "what was in it is gone");
    assert_eq!(decoder.decode(&bytes("3fe21f")), Err(Malformed), "to 4097");
    assert_eq!(decoder.decode(&bytes("88 20")), Err(Malformed), "behind a field");
    assert_eq!(
        Decoder::new(33).decode(&custom),
        Ok(fields(&[("a", "b")])),
        "it does not fit, and that is allowed"
    );
}

#[test]
fn what_can_not_be_decoded_is_refused() {
    for block in [
        "80",            // index 0
        "be",            // nothing there yet
        "7f",            // an index that is cut
        "4001 61",       // no value
        "4005 61",       // a string that is cut
        "0081 18 00",    // five bits of a code, then zeros for padding
        "0082 1fff 00",  // more padding than a byte less one bit
        "0084 ffffffff", // the symbol that ends a string
        "00ff ffffff7f", // a length that is nonsense
    ] {
        assert_eq!(Decoder::new(4096).decode(&bytes(block)), Err(Malformed), "{block}");
    }
}

#[test]
fn a_few_bytes_can_not_become_a_long_list() {
    let mut decoder = Decoder::new(4096);
    let mut block = vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
    block.extend([b'x'; 4000]);
    assert!(decoder.decode(&block).is_ok());
    assert_eq!(decoder.decode(&[0xbe; 4]).map(|list| list.len()), Ok(4));
    assert_eq!(decoder.decode(&[0xbe; 5]), Err(Malformed));
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(name in "[a-z-]{1,200}", value in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut block = Vec::new();
        indexed(&mut block, 2);
        literal(&mut block, 58, &value);
        literal_named(&mut block, name.as_bytes(), &value);
        let expected = [
            (b":method".to_vec(), b"GET".to_vec()),
            (b"user-agent".to_vec(), value.clone()),
            (name.into_bytes(), value),
        ];
        let mut decoder = Decoder::new(4096);
        prop_assert_eq!(decoder.decode(&block), Ok(expected.to_vec()));
        prop_assert_eq!(decoder.table.contents().0, 0);
    }

    #[test]
    fn no_block_makes_the_decoder_panic_or_grow(blocks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..8)) {
        let mut decoder = Decoder::new(4096);
        for block in blocks {
            if let Ok(list) = decoder.decode(&block) {
                prop_assert!(list.len() <= block.len());
            }
            let (weight, contents) = decoder.table.contents();
            prop_assert!(weight <= 4096 && weight == contents.iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>());
        }
    }
}
