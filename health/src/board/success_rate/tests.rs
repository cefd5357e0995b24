//! Who is below the bound, and who never is.

use super::*;

fn judge(settings: OutlierDetection, traffic: &[(u64, u64)]) -> Vec<u32> {
    let backends = (0..).zip(traffic.iter().map(|&(requests, failures)| Traffic { requests, failures }));
    outliers(&settings, backends).iter().map(|outlier| outlier.backend).collect()
}

#[test]
fn who_fails_more_than_the_others_is_an_outlier() {
    let settings = OutlierDetection::default();
    let well = (1000, 5);
    assert_eq!(judge(settings, &[well, well, (1000, 300), well, well, well]), [2]);
    let lower = OutlierDetection { success_rate_deviations: 100, ..settings };
    let two = [well, (1000, 300), well, well, (1000, 400), well, well, well];
    assert_eq!(judge(lower, &two), [4, 1], "the worst first");
    assert_eq!(judge(OutlierDetection { success_rate_deviations: 0, ..settings }, &two), [0; 0]);
    let outlier = outliers(
        &settings,
        (0..).zip(
            [(9, 0), (9, 0), (9, 9), (9, 0), (9, 0)]
                .map(|(requests, failures)| Traffic { requests: requests * 100, failures: failures * 100 }),
        ),
    );
    assert_eq!(
        outlier[0].reason(),
        "its success rate of 0.0 % is below 4.0 %, the bound that its cluster sets"
    );
}

#[test]
fn few_backends_or_few_requests_show_nothing() {
    let settings = OutlierDetection::default();
    let well = (1000, 0);
    assert_eq!(judge(settings, &[well, well, well, (1000, 900)]), [0; 0], "four of five backends");
    assert_eq!(judge(settings, &[well, well, well, well, (99, 99)]), [0; 0], "a request too few");
    assert_eq!(judge(settings, &[well, well, well, well, well, (99, 99), (100, 100)]), [6]);
    assert_eq!(judge(settings, &[]), [0; 0]);
    let none = OutlierDetection { success_rate_backends: 0, success_rate_requests: 0, ..settings };
    assert_eq!(judge(none, &[(0, 0), (0, 0)]), [0; 0]);
}

#[test]
fn who_is_not_below_the_mean_never_is_an_outlier() {
    let settings = OutlierDetection {
        success_rate_deviations: 1,
        success_rate_backends: 1,
        ..OutlierDetection::default()
    };
    for failures in 0..=1000 {
        for backends in [1, 3, 7, 10] {
            assert_eq!(
                judge(settings, &vec![(1000, failures); backends]),
                [0; 0],
                "{backends} with {failures}"
            );
        }
    }
    assert_eq!(judge(settings, &[(1000, 1), (1000, 0), (1000, 2)]), [2]);
    assert_eq!(
        judge(settings, &[(1000, 2000), (1000, 0)]),
        [0],
        "more failures than requests are all of them"
    );
}
